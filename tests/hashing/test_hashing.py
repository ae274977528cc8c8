"""Methods by name, and imports that only some of them need."""

import inspect
import subprocess
import sys
from pathlib import Path

import pytest

from l2h import hashing
from l2h.errors import L2HError
from methods import CLASSES, DEEP, HASHERS, SCORERS, SHALLOW, quick


def test_each_method_is_tested_by_its_kind():
    """A kind that is none of these would leave its methods out of the tests that run over all of a kind."""
    assert sorted([*DEEP, *SHALLOW, *SCORERS, "classifier", "external"]) == sorted(CLASSES)


def test_each_method_has_a_file_of_tests():
    """In the folder that mirrors its package: baselines/exact.py has baselines/test_exact.py."""
    parts = [method.__module__.split(".")[2:] for method in CLASSES.values()]
    files = [Path(__file__).parent.joinpath(*folders, f"test_{module}.py") for *folders, module in parts]
    assert [str(file) for file in files if not file.exists()] == []


@pytest.mark.parametrize(
    ("name", "params", "words"),
    [
        (
            "itqq",
            {},
            r"'itqq' is not a method \(did you mean 'itq'\?\); choose one of bihalf, classifier, cosine, csq,",
        ),
        ("itq", {"iterations": 3}, "itq has no parameter 'iterations'; it takes n_iter"),
        ("sh", {"x": 1}, "sh has no parameter 'x'; it takes none"),
    ],
)
def test_wrong_names_are_one_clear_line(name, params, words):
    with pytest.raises(L2HError, match=words):
        hashing.make(name, bits=8, **params)


def test_shallow_methods_metrics_and_loading_deep_models_import_no_torch(tmp_path, digits):
    quick("dsh").fit(*digits).save(tmp_path / "model")
    program = (
        "import sys, numpy as np\n"
        "from l2h import hashing, metrics, store\nfrom l2h.evaluation import cell\n"
        "from l2h.ranking import rank_histogram\n"
        "X, y = np.random.default_rng(0).normal(size=(40, 16)), np.arange(40) % 9\n"
        f"[hashing.make(name, bits=8, random_state=0).fit(X, y).transform(X) for name in {SHALLOW}]\n"
        f"hashing.load({str(tmp_path / 'model')!r}).transform(np.zeros((2, 64), np.float32))\n"
        "assert 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.parametrize("name", HASHERS)
def test_a_method_is_a_scikit_learn_estimator_though_it_is_a_dataclass(name):
    """Its parameters are given by name, it prints only those that differ from the defaults, and equals only itself."""
    method = hashing.registry.get(name)
    kinds = {parameter.kind for parameter in inspect.signature(method).parameters.values()}
    assert kinds == {inspect.Parameter.KEYWORD_ONLY}
    assert repr(method(bits=5)) == f"{method.__name__}(bits=5)"
    assert len({method(), method()}) == 2
