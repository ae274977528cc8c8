"""What every method that ranks by scores keeps; a new one of the registry needs no line here."""

import numpy as np
import pytest
from sklearn.base import clone

from l2h import hashing
from l2h.hashing.scorer import Scorer
from methods import HASHERS, SCORERS, defaults


@pytest.mark.parametrize("name", SCORERS)
def test_scores_do_not_depend_on_the_parts_of_a_database_and_a_model_is_saved_and_loaded(name, digits, tmp_path):
    X, y = digits
    scorer = hashing.make(name, bits=16, random_state=0)
    assert scorer.fit(X[:300], y[:300]) is scorer
    scores = scorer.scores(X[:7], X[300:400])
    assert scores.shape == (7, 100)
    assert scores.dtype == np.float64
    parts = [scorer.scores(X[:7], X[start : start + 20]) for start in range(300, 400, 20)]
    assert np.allclose(np.concatenate(parts, axis=1), scores, rtol=1e-12)
    again = clone(scorer).fit(X[:300], y[:300])
    assert np.array_equal(again.scores(X[:7], X[300:400]), scores)
    scorer.save(tmp_path / "model", {"split": "abc"})
    loaded = hashing.load(tmp_path / "model")
    assert loaded.get_params() == scorer.get_params()
    assert np.array_equal(loaded.scores(X[:7], X[300:400]), scores)
    assert name not in HASHERS  # it makes no codes


@pytest.mark.parametrize("name", [*SCORERS, "classifier"])
def test_methods_without_a_code_length_have_one_result_for_all_lengths_and_seeds(name):
    expected = [(8, 3), (8, 4), (16, 3), (16, 4)] if defaults(name)["bits"] else [(0, 3)]
    assert hashing.make(name, bits=8).lengths_and_seeds("d", "p", [8, 16], [3, 4]) == expected


def test_an_item_takes_the_bits_of_its_code_or_of_its_features():
    assert hashing.make("l2", bits=0).item_bits(64 * 32) == 64 * 32
    assert hashing.make("pq", bits=16).item_bits(64 * 32) == 16


def test_a_plug_in_may_rank_by_scores_of_its_own(digits, tmp_path):
    @hashing.register("shifted")
    class Shifted(Scorer):
        learned = ("mean_",)

        def __init__(self, bits=8, *, random_state=None):
            self.bits = bits
            self.random_state = random_state

        def fit(self, X, y=None):
            self.mean_ = self.training_features(X).mean(axis=0)
            return self

        def scores(self, queries, database):
            return (self._checked(queries) - self.mean_).astype(np.float64) @ (self._checked(database) - self.mean_).T

    X, _ = digits
    scorer = hashing.make("shifted", bits=8).fit(X)
    scorer.save(tmp_path / "model")
    assert np.array_equal(hashing.load(tmp_path / "model").scores(X[:3], X), scorer.scores(X[:3], X))
