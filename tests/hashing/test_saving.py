"""Only models that can be loaded are saved, and only undamaged ones are loaded."""

import json

import numpy as np
import pytest

from l2h import hashing, plugins
from l2h.errors import L2HError
from l2h.hashing.base import LinearHasher
from l2h.store.models import read_model, write_model
from methods import quick


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
        del description["sha256"]  # as an attacker would
        (model / "model.json").write_text(json.dumps({**description, **change}))
        with pytest.raises(L2HError, match="is not a model that this version can use"):
            hashing.load(model)


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
