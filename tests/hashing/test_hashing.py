"""The contract that every method keeps, and what is particular to each."""

import inspect
import json
import subprocess
import sys

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.utils.estimator_checks import check_estimator

from l2h import codes, hashing, plugins
from l2h.errors import L2HError
from l2h.hashing.base import LinearHasher
from l2h.metrics import average_precision
from l2h.ranking import rank_histogram
from l2h.store.models import read_model, write_model

SHALLOW = ("itq", "lsh", "sh")
CLASSES = ("csq", "dpn", "greedyhash", "orthohash")  # deep methods whose loss is on the classes of single images
DEEP = ("bihalf", "dhn", "dpsh", "dsh", "greedyhash_unsupervised", "hashnet", "sdc", *CLASSES)


@pytest.fixture(scope="module")
def digits():
    """Pixels as features: real data, small enough for every method."""
    data = load_digits()
    return data.data.astype(np.float32), data.target


LENGTHS = {"itq_cca": 9}  # one bit less than there are classes


def quick(name, bits=None, seed=0, **params):
    bits = bits or LENGTHS.get(name, 12)
    short = {"epochs": 3, "lr": 1e-3, "validation": 0} if name in DEEP else {}
    return hashing.make(name, bits=bits, random_state=seed, **{**short, **params})


def test_the_methods_of_the_results_in_the_docs_are_there():
    assert set(hashing.available()) >= {*SHALLOW, *DEEP}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
@pytest.mark.parametrize("name", SHALLOW)
@pytest.mark.parametrize("bits", [1, 2])
def test_scikit_learn_finds_no_fault(name, bits):
    check_estimator(hashing.make(name, bits=bits, random_state=0))


@pytest.mark.parametrize("name", hashing.available())
def test_contract(name, digits, tmp_path):
    X, y = digits
    hasher = quick(name)
    assert hasher.fit(X[:300], y[:300]) is hasher
    scores = hasher.decision_function(X)
    packed = hasher.transform(X)
    assert scores.shape == (len(X), hasher.bits)
    assert scores.dtype == np.float32
    assert packed.dtype == np.uint8
    assert np.array_equal(packed, codes.pack(scores > 0))
    assert hasher.__sklearn_tags__().transformer_tags.preserves_dtype == []

    hasher.save(tmp_path / "model", {"split": "abc"})
    assert sorted(p.name for p in (tmp_path / "model").iterdir()) == ["model.json", "model.safetensors"]
    loaded = hashing.load(tmp_path / "model")
    assert type(loaded) is type(hasher)
    assert loaded.get_params() == hasher.get_params()
    assert np.array_equal(loaded.transform(X), packed)


@pytest.mark.parametrize("name", hashing.available())
def test_seed_decides(name, digits):
    X, y = digits
    first, again = (quick(name).fit(X[:300], y[:300]).decision_function(X[:50]) for _ in range(2))
    assert np.array_equal(first, again)
    other = quick(name, seed=1).fit(X[:300], y[:300])
    if not other.deterministic:
        assert not np.array_equal(other.decision_function(X[:50]), first)
    assert clone(other).get_params() == other.get_params()


@pytest.mark.parametrize("name", hashing.available())
def test_training_leaves_global_generators_alone(name, digits):
    X, y = digits
    np.random.seed(5)
    torch.manual_seed(5)
    expected = np.random.random(), torch.rand(1).item()
    np.random.seed(5)
    torch.manual_seed(5)
    quick(name).fit(X[:60], y[:60])
    assert (np.random.random(), torch.rand(1).item()) == expected


@pytest.mark.parametrize("name", ["dhn", "dpsh", "dsh", "hadamard_ridge", "hashnet", "itq_cca", "sdh", *CLASSES])
def test_supervised_methods_want_labels_in_either_form(name, digits):
    X, y = digits
    classes = quick(name).fit(X[:300], y[:300]).decision_function(X[:9])
    multi_hot = quick(name).fit(X[:300], np.eye(10, dtype=bool)[y[:300]]).decision_function(X[:9])
    assert np.allclose(classes, multi_hot, atol=1e-5)
    with pytest.raises(ValueError, match="target y is None"):
        quick(name).fit(X)
    with pytest.raises(ValueError, match="y has the shape"):
        quick(name).fit(X, y[:5])
    with pytest.raises(ValueError, match="it holds only 0 and 1; give classes as one dimension"):
        quick(name).fit(X, y[:, None])


@pytest.mark.parametrize(
    ("name", "floor"),
    [
        *[("itq", 0.5), ("sh", 0.4), ("lsh", 0.3), ("pca_sign", 0.35), ("pca_rr", 0.4)],
        *[("sdh", 0.85), ("hadamard_ridge", 0.85), ("bihalf", 0.45), ("hashnet", 0.68), ("dsh", 0.68)],
        *[("csq", 0.68), ("dhn", 0.65), ("dpn", 0.7), ("dpsh", 0.65), ("greedyhash", 0.65)],
        *[("orthohash", 0.65), ("greedyhash_unsupervised", 0.45), ("sdc", 0.5)],
    ],
)
def test_methods_retrieve_real_digits(name, floor, digits):
    """Generous floors on unseen digits; a broken method falls to the 0.1 of chance."""
    X, y = digits
    epochs = 50 if name in ("bihalf", "dsh", "hashnet") else 10
    params = {"lr": 1e-2, "epochs": epochs, "validation": 0} if name in DEEP else {}  # 64 pixels want larger steps
    hasher = hashing.make(name, bits=16, random_state=0, **params).fit(X[:1000], y[:1000])
    packed = hasher.transform(X)
    h = rank_histogram(packed[1400:], packed[1000:1400], y[1400:], y[1000:1400], bits=16)
    assert average_precision(h).mean() > floor


@pytest.fixture(scope="module")
def pairs(digits):
    """Two digits side by side, as in `digit_pairs`: pixels, and one label or two."""
    X, y = digits
    order = np.random.default_rng(0).permutation(1700)
    labels = np.eye(10, dtype=bool)
    left, right = order[:850], order[850:]
    return np.hstack([X[left], X[right]]), labels[y[left]] | labels[y[right]]


@pytest.mark.parametrize("name", ["dhn", "dpsh", *CLASSES])
def test_supervised_methods_learn_several_labels(name, pairs):
    """A database image is relevant if it shares a digit; a third of them are."""
    X, labels = pairs
    hasher = quick(name, bits=16, lr=1e-2, epochs=20, scope="mlp", hidden=64).fit(X[:600], labels[:600])
    packed = hasher.transform(X)
    h = rank_histogram(packed[700:], packed[600:700], labels[700:], labels[600:700], bits=16)
    chance = (labels[700:].astype(int) @ labels[600:700].T > 0).mean()
    assert chance < 0.4
    assert average_precision(h).mean() > chance + 0.15


@pytest.mark.parametrize("name", CLASSES)
def test_images_without_labels_leave_no_nan(name, digits):
    X, y = digits
    labels = np.eye(10, dtype=bool)[y[:200]]
    labels[::3] = False
    assert np.isfinite(quick(name, batch_size=4).fit(X[:200], labels).projection_).all()
    with pytest.raises(L2HError, match="no training image has a label"):
        quick(name).fit(X[:50], np.zeros((50, 10), bool))


def test_greedyhash_learns_its_classifier_and_saves_it(digits, tmp_path):
    """The classifier of widely copied code is outside the optimiser and stays random."""
    X, y = digits
    greedy = quick("greedyhash", bits=16, lr=1e-2, epochs=20).fit(X[:1000], y[:1000])
    codes = np.where(greedy.decision_function(X) > 0, 1, -1)
    assert ((codes @ greedy.classifier_.T).argmax(axis=1) == y)[1000:].mean() > 0.8
    greedy.save(tmp_path / "model")
    assert np.array_equal(hashing.load(tmp_path / "model").classifier_, greedy.classifier_)
    rates = [quick("greedyhash", classifier_lr=rate).fit(X[:100], y[:100]).classifier_ for rate in (1.0, 1e-9)]
    assert np.abs(rates[0] - rates[1]).max() > 1e-3


@pytest.mark.parametrize("name", ["csq", "dpn", "orthohash"])
def test_centres_are_saved_and_each_class_lands_at_its_own(name, digits, tmp_path):
    X, y = digits
    hasher = quick(name, bits=16, lr=1e-2, epochs=20).fit(X[:1000], y[:1000])
    codes = np.where(hasher.decision_function(X) > 0, 1, -1)
    assert ((codes @ hasher.centres_.T).argmax(axis=1) == y)[1000:].mean() > 0.75
    hasher.save(tmp_path / "model")
    assert np.array_equal(hashing.load(tmp_path / "model").centres_, hasher.centres_)
    assert np.array_equal(hasher.centres_, quick(name, bits=16, lr=1e-3).fit(X[:60], y[:60]).centres_)
    assert not np.array_equal(hasher.centres_, quick(name, bits=16, seed=1).fit(X[:60], y[:60]).centres_)


def test_hashnet_with_the_slope_of_widely_copied_code_learns_less_at_8_bits(digits):
    X, y = digits

    def mean_precision(**params):
        hasher = quick("hashnet", bits=8, lr=1e-2, epochs=8, scope="mlp", hidden=32, **params).fit(X[:600], y[:600])
        packed = hasher.transform(X[:1000])
        return average_precision(rank_histogram(packed[800:], packed[600:800], y[800:1000], y[600:800], bits=8)).mean()

    assert mean_precision() > mean_precision(alpha=0.1) + 0.1


def test_bihalf_does_not_collapse(digits):
    X, _ = digits
    share = (hashing.make("bihalf", bits=16, random_state=0).fit(X).decision_function(X) > 0).mean(axis=0)
    assert (np.abs(share - 0.5) < 0.1).all()


def test_hashnet_works_at_8_bits(digits):
    """With 0.1 in place of 10 / bits, as widely copied, the loss of 8 bits can hardly fall, and mAP stays near 0.4."""
    X, y = digits
    packed = quick("hashnet", bits=8, lr=1e-2, epochs=30, scope="mlp", hidden=64).fit(X[:1000], y[:1000]).transform(X)
    h = rank_histogram(packed[1400:], packed[1000:1400], y[1400:], y[1000:1400], bits=8)
    assert average_precision(h).mean() > 0.8


@pytest.mark.parametrize("name", DEEP)
@pytest.mark.parametrize("n", [2, 3, 5])
def test_no_batch_is_too_small_for_a_pair(name, n, digits):
    X, y = digits
    hasher = quick(name, batch_size=2).fit(X[:n], y[:n])
    assert np.isfinite(hasher.projection_).all()


def test_seeds_come_in_all_of_scikit_learn_s_forms(digits, tmp_path):
    X, y = digits
    expected = quick("dsh").fit(X[:60], y[:60])
    numpy_integers = quick("dsh", np.int64(12), np.int64(0)).fit(X[:60], y[:60])
    assert np.array_equal(numpy_integers.projection_, expected.projection_)
    numpy_integers.save(tmp_path / "model")
    assert hashing.load(tmp_path / "model").bits == 12
    generator = quick("dsh", seed=np.random.RandomState(0)).fit(X[:60], y[:60])
    assert np.array_equal(generator.projection_, expected.projection_)
    with pytest.raises(L2HError, match="cannot be saved with RandomState"):
        generator.save(tmp_path / "other")


def test_itq_finds_an_orthogonal_rotation_that_quantises_better_than_pca(digits):
    X, _ = digits
    itq = hashing.make("itq", bits=16, random_state=0).fit(X.astype(np.float64))
    assert np.allclose(itq.projection_.T @ itq.projection_, np.eye(16), atol=1e-10)
    centred = X - X.mean(axis=0)
    components = np.linalg.svd(centred, full_matrices=False)[2][:16].T

    def quantisation_error(projection):
        scores = centred @ projection
        return np.mean((scores - np.sign(scores)) ** 2 - scores**2)

    assert quantisation_error(itq.projection_) < quantisation_error(components)
    errors = [
        quantisation_error(hashing.make("itq", bits=16, random_state=0, n_iter=n).fit(X).projection_)
        for n in (1, 5, 50)
    ]
    assert errors == sorted(errors, reverse=True)  # each alternation lowers what it minimises
    assert errors[2] < errors[0] - 0.1


def test_sh_gives_long_axes_the_low_frequencies():
    rng = np.random.default_rng(0)
    X = rng.uniform(size=(500, 2)) * [2.5, 1.0]
    sh = hashing.make("sh", bits=4, random_state=0).fit(X)
    assert sh.axis_.tolist() == [0, 0, 1, 0]
    length = np.ptp((X - sh.mean_) @ sh.components_.T, axis=0)
    assert sh.frequency_ == pytest.approx(sorted(np.pi * k / side for side in length for k in range(1, 5))[:4])
    ends = (X - sh.mean_) @ sh.components_.T
    assert sh.decision_function(X)[ends[:, 0].argmin(), 0] == pytest.approx(1)


def test_more_bits_than_features(digits):
    X, y = digits
    with pytest.raises(ValueError, match="ITQ of 100 bits needs at least 100 features and 101 samples, got"):
        hashing.make("itq", bits=100).fit(X)
    for name in ("lsh", "sh", *DEEP):
        assert quick(name, bits=100).fit(X[:200], y[:200]).transform(X).shape == (len(X), 13)


def test_lsh_on_principal_components(digits):
    X, _ = digits
    lsh = hashing.make("lsh", bits=8, random_state=0, pca_dims=3).fit(X)
    assert np.linalg.matrix_rank(lsh.projection_) == 3
    with pytest.raises(ValueError, match="pca_dims=99 needs as many features"):
        hashing.make("lsh", bits=8, pca_dims=99).fit(X)


@pytest.mark.parametrize(
    ("name", "params", "words"),
    [
        (
            "itqq",
            {},
            r"'itqq' is not a method \(did you mean 'itq'\?\); choose one of bihalf, classifier, cosine, csq,",
        ),
        ("itq", {"iterations": 3}, "itq has no parameter 'iterations'; it takes n_iter"),
        ("itq", {"n_iter": 0}, "itq: n_iter must be a positive integer, got 0"),
        ("sh", {"x": 1}, "sh has no parameter 'x'; it takes none"),
        ("dsh", {"pairs": "all"}, "dsh: pairs must be bank or batch, got 'all'"),
        ("dsh", {"lr": "fast"}, "dsh: lr must be a number above 0, or several, got 'fast'"),
        ("dsh", {"lr": "1e-3"}, r"got '1e-3'; YAML reads it as text: write a point and a sign, as in 1.0e-3"),
        ("dsh", {"lr": [1e-3, "1.5e4"]}, r"got \(0.001, '1.5e4'\); YAML reads it as text"),
        ("dsh", {"lr": [1e-3, -1]}, r"dsh: lr must be a number above 0, or several, got \(0.001, -1\)"),
        ("dsh", {"lr": []}, r"dsh: lr must be a number above 0, or several, got \(\)"),
        ("dsh", {"hidden": 1.5}, "dsh: hidden must be a positive integer, or several, got 1.5"),
        ("dsh", {"validation": 0.9}, "dsh: validation must be a share from 0 to 0.5, got 0.9"),
        ("dsh", {"validation": 0}, "dsh: validation must be above 0 to choose among several lr or heads, got 0"),
        ("hashnet", {"scope": "fully"}, "hashnet: scope must be one of linear, mlp, auto, full, got 'fully'"),
        ("bihalf", {"gamma": float("nan")}, "bihalf: gamma must be a number from 0, got nan"),
        ("csq", {"centres": "random"}, "csq: centres must be one of separated, first_rows, bernoulli, got 'random'"),
        ("csq", {"alpha": -1}, "csq: alpha must be a number from 0, got -1"),
        ("csq", {"ties": "keep"}, "csq: ties must be ignore or shared, got 'keep'"),
        ("dhn", {"balanced": 1}, "dhn: balanced must be true or false, got 1"),
        ("dpn", {"margin": 0}, "dpn: margin must be a number above 0, got 0"),
        ("dpsh", {"pairs": "all"}, "dpsh: pairs must be one of bank, zero_bank, batch, got 'all'"),
        ("dpsh", {"alpha": "x"}, "dpsh: alpha must be a number from 0, got 'x'"),
        ("greedyhash", {"probability": "max"}, "greedyhash: probability must be softmax or sigmoid, got 'max'"),
        ("greedyhash", {"classifier_lr": 0}, "greedyhash: classifier_lr must be a share of lr above 0, got 0"),
        ("greedyhash", {"classifier_decay": -1}, "greedyhash: classifier_decay must be a number from 0, got -1"),
        ("greedyhash_unsupervised", {"centred": 0}, "unsupervised: centred must be true or false, got 0"),
        ("hashnet", {"alpha": 0}, r"hashnet: alpha must be null \(10 / bits\) or a number above 0, got 0"),
        ("orthohash", {"form": "sin"}, "orthohash: form must be cos or arc, got 'sin'"),
        ("orthohash", {"scale": 0}, "orthohash: scale must be a number above 0, got 0"),
        ("orthohash", {"margin": 1}, "orthohash: margin must be from 0 and below 1, got 1"),
        ("sdc", {"clipped": "no"}, "sdc: clipped must be true or false, got 'no'"),
        ("sdc", {"shape": 0}, "sdc: shape must be a number above 0, got 0"),
    ],
)
def test_wrong_names_and_values_are_one_clear_line(name, params, words):
    with pytest.raises(L2HError, match=words):
        hashing.make(name, bits=8, **params)


def test_divergence_is_an_error_and_not_a_model(digits):
    X, y = digits
    with pytest.raises(L2HError, match="training diverged"):
        hashing.make("dsh", bits=8, lr=1e30, random_state=0).fit(X, y)


class TestDamagedModels:
    @pytest.fixture
    def model(self, digits, tmp_path):
        hashing.make("itq", bits=8, random_state=0).fit(digits[0]).save(tmp_path / "model")
        return tmp_path / "model"

    def test_missing_part(self, model):
        (model / "model.safetensors").unlink()
        with pytest.raises(L2HError, match="is not a complete model"):
            hashing.load(model)

    def test_truncated_arrays(self, model):
        arrays = model / "model.safetensors"
        arrays.write_bytes(arrays.read_bytes()[:-9])
        with pytest.raises(L2HError, match="is not a complete model"):
            hashing.load(model)

    @pytest.mark.parametrize("shape", [(64,), (63, 8), (64, 9), (64, 8, 1)])
    def test_arrays_that_do_not_fit(self, model, shape):
        _, arrays = read_model(model)
        description = json.loads((model / "model.json").read_text())
        write_model(model, description, {**arrays, "projection_": np.ones(shape, np.float32)})
        with pytest.raises(L2HError, match="is not a model that this version can use"):
            hashing.load(model)

    @pytest.mark.parametrize(
        "change",
        [
            {"method": "sh"},
            {"method": "os.system"},
            {"method": 3},
            {"params": {"bits": 9}},
            {"params": {"bits": 8, "evil": 1}},
            {"params": {"bits": -1}},
            {"params": []},
            {"n_features_in": 65},
            {"n_features_in": 10**12},
            {"n_features_in": "many"},
        ],
        ids=str,
    )
    def test_wrong_description(self, model, change):
        description = json.loads((model / "model.json").read_text())
        del description["sha256"]  # as a stranger would
        (model / "model.json").write_text(json.dumps({**description, **change}))
        with pytest.raises(L2HError, match="is not a model that this version can use"):
            hashing.load(model)


FIT = "    def fit(self, X, y=None):\n        return self\n"
MAKE = "    def __init__(self, bits=8, *, k=3, random_state=None):\n"
STORE = "        self.bits, self.k, self.random_state = bits, k, random_state\n"


@pytest.mark.parametrize(
    ("head", "body", "words"),
    [
        ("class Mine:", FIT, "the class Mine must be a subclass of LinearHasher or Hasher of l2h.hashing.base, or"),
        ("class Mine(BaseEstimator):", FIT, "the class Mine must be a subclass of LinearHasher or Hasher of"),
        ("class Mine(Hasher):", FIT, "the class Mine lacks decision_function, learned, which its base class requires"),
        ("class Mine(LinearHasher):", MAKE + STORE, "the class Mine lacks fit, which"),
        (
            "class Mine(LinearHasher):",
            MAKE + STORE + FIT.replace(", y=None", ""),
            "the class Mine must have `fit(self, X, y=None)`, but has `fit(self, X)`",
        ),
        (
            "class Mine(LinearHasher):",
            FIT + MAKE.replace(", random_state=None", "") + "        self.bits, self.k = bits, k\n",
            "its __init__ must take `bits` and `random_state`, but takes bits, k",
        ),
        (
            "class Mine(LinearHasher):",
            FIT + MAKE + STORE.replace("self.k,", "self.width,"),
            "the class Mine must store its parameter unchanged: `self.k = k` in __init__",
        ),
        (
            "class Mine(LinearHasher):",
            FIT + MAKE + STORE + "        self.double = 2 * k\n",
            "the class Mine must only store its parameters, unchanged, in __init__: unsupported operand",
        ),
    ],
)
def test_a_plug_in_s_class_is_checked_when_it_registers(head, body, words, tmp_path):
    plugin = tmp_path / "mine.py"
    imports = "from sklearn.base import BaseEstimator\nfrom l2h import hashing\n"
    imports += "from l2h.hashing.base import Hasher, LinearHasher\n\n"
    plugin.write_text(f"{imports}@hashing.register('mine')\n{head}\n{body}")
    with pytest.raises(L2HError) as caught:
        plugins.load([str(plugin)])
    assert str(caught.value).startswith(f"plug-in {plugin}: mine: {words}")
    assert "\n" not in str(caught.value)
    assert "mine" not in hashing.registry.names()


FAILING = """from l2h import hashing
from l2h.hashing.base import Hasher


@hashing.register("failing")
class Failing(Hasher):
    learned = ("scale_",)

    def __init__(self, bits=8, *, random_state=None):
        self.bits, self.random_state = bits, random_state

    def fit(self, X, y=None):
        self.scale_ = self.training_features(X).std(axis=0)
        return self

    def decision_function(self, X):
        return X[:, self.bits + 99]
"""


def test_a_plug_in_whose_scores_fail_is_not_saved_and_its_line_is_named(digits, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(hashing.registry, "_targets", dict(hashing.registry._targets))
    (tmp_path / "failing.py").write_text(FAILING)
    plugins.load(["failing.py"])
    hasher = hashing.make("failing", bits=8).fit(digits[0])
    words = r"failing: the arrays of fit are not a valid model: .*index 107 is out of .* \(failing.py, line 17\)"
    with pytest.raises(L2HError, match=words):
        hasher.save(tmp_path / "model")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda lsh: vars(lsh).pop("mean_"), "lsh: fit did not set mean_"),
        (lambda lsh: vars(lsh).pop("n_features_in_"), "lsh: fit did not set n_features_in_"),
        (
            lambda lsh: setattr(lsh, "projection_", np.zeros((64, 9))),
            r"lsh: the arrays of fit are not a valid model: .*shape",
        ),
        (
            lambda lsh: setattr(lsh, "projection_", np.full((64, 8), np.nan)),
            "lsh: the arrays of fit are not a valid model: .*projection_ holds values that are not finite",
        ),
        (
            lambda lsh: setattr(type(lsh), "learned", ("mean_", "projection_")),
            "lsh: the arrays of fit are not a valid model: .*no attribute 'intercept_'",
        ),
    ],
)
def test_a_model_that_could_not_be_loaded_is_not_saved(spoil, words, digits, tmp_path, monkeypatch):
    lsh = quick("lsh", bits=8).fit(digits[0])
    monkeypatch.setattr(type(lsh), "learned", type(lsh).learned)  # put back afterwards
    spoil(lsh)
    with pytest.raises(L2HError, match=words):
        lsh.save(tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_an_unregistered_class_cannot_be_saved(tmp_path, digits):
    class Mine(LinearHasher):
        def __init__(self, bits=4):
            self.bits = bits

        def fit(self, X, y=None):
            self.mean_, self.projection_, self.intercept_ = np.zeros(64), np.ones((64, 4)), np.zeros(4)
            self.n_features_in_ = 64
            return self

    with pytest.raises(L2HError, match="Mine is not registered as a method"):
        Mine().fit(digits[0]).save(tmp_path / "model")


def test_shallow_methods_metrics_and_loading_deep_models_import_no_torch(tmp_path, digits):
    quick("dsh").fit(*digits).save(tmp_path / "model")
    program = (
        "import sys, numpy as np\n"
        "from l2h import hashing, metrics, store\nfrom l2h.evaluation import cell\n"
        "from l2h.ranking import rank_histogram\n"
        "X = np.random.default_rng(0).normal(size=(40, 16))\n"
        "[hashing.make(name, bits=4, random_state=0).fit(X).transform(X) for name in ('lsh', 'itq', 'sh', 'pca_rr')]\n"
        "y = np.arange(40) % 8\n"
        "[hashing.make(name, bits=7).fit(X, y).transform(X) for name in ('sdh', 'itq_cca')]\n"
        "hashing.make('hadamard_ridge', bits=16).fit(X, y).transform(X)\n"
        f"hashing.load({str(tmp_path / 'model')!r}).transform(np.zeros((2, 64), np.float32))\n"
        "assert 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


SHARED = {
    "bits": 32,
    "scope": "linear",
    "hidden": 512,
    "epochs": 30,
    "lr": (1e-3, 3e-4),
    "validation": 0.1,
    "batch_size": 128,
    "weight_decay": 1e-5,
    "flip": None,
    "device": "auto",
    "random_state": None,
}
DEFAULTS = {
    "lsh": {"bits": 32, "pca_dims": None, "random_state": None},
    "itq": {"bits": 32, "n_iter": 50, "random_state": None},
    "sh": {"bits": 32, "random_state": None},
    "itq_cca": {"bits": 32, "ridge": 1e-2, "n_iter": 50, "random_state": None},
    "sdh": {
        **{"bits": 32, "anchors": 1000, "width": 0.5, "ridge": 1e-2, "label_ridge": 1.0, "nu": 1e-5, "rounds": 5},
        "random_state": None,
    },
    "hadamard_ridge": {
        **{"bits": 32, "anchors": 1000, "width": 0.5, "ridge": (1e-3, 1e-2, 1e-1, 1.0, 10.0)},
        **{"centres": "separated", "random_state": None},
    },
    "dsh": {**SHARED, "epochs": 60, "alpha": 0.1, "margin": None, "pairs": "bank"},
    "hashnet": {**SHARED, "alpha": None, "step": 10, "weighting": "shared"},
    "bihalf": {**SHARED, "lr": (3e-4, 1e-4, 3e-5), "gamma": 6.0},
    "one_hot": {"bits": 0, "C": 1.0, "max_iter": 200, "random_state": None},
    "csq": {**SHARED, "centres": "separated", "alpha": 0.05, "ties": "ignore"},
    "dhn": {**SHARED, "epochs": 60, "alpha": 0.1, "pairs": "batch", "balanced": False},
    "dpn": {**SHARED, "centres": "separated", "margin": 1.0},
    "dpsh": {**SHARED, "alpha": 0.1, "pairs": "bank", "balanced": False},
    "greedyhash": {
        **SHARED,
        "alpha": 0.1,
        "probability": "softmax",
        "classifier_lr": 1.0,
        "classifier_decay": 1e-5,
    },
    "greedyhash_unsupervised": {**SHARED, "lr": (3e-4, 1e-4, 3e-5), "alpha": 0.1, "centred": True},
    "orthohash": {**SHARED, "centres": "separated", "form": "cos", "scale": 8.0, "margin": 0.2, "alpha": 0.0},
    "sdc": {**SHARED, "epochs": 60, "shape": 5.0, "alpha": 1.0, "clipped": False},
    "classifier": {"bits": 32, "C": 1.0, "max_iter": 200, "random_state": None},
}


@pytest.mark.parametrize("name", DEFAULTS)
def test_defaults_are_those_of_the_results_in_the_docs(name):
    """Another default moves the numbers of every config that does not set it."""
    assert hashing.registry.get(name)().get_params() == DEFAULTS[name]


@pytest.mark.parametrize("name", hashing.available())
def test_a_method_is_a_scikit_learn_estimator_though_it_is_a_dataclass(name):
    """Its parameters are given by name, it prints only those that differ from the defaults, and equals only itself."""
    method = hashing.registry.get(name)
    kinds = {parameter.kind for parameter in inspect.signature(method).parameters.values()}
    assert kinds == {inspect.Parameter.KEYWORD_ONLY}
    assert repr(method(bits=5)) == f"{method.__name__}(bits=5)"
    assert len({method(), method()}) == 2
