"""One-hot ranking: the distances of one-hot codes, and the bits of a class number."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.utils.estimator_checks import check_estimator

from l2h import hashing
from l2h.errors import L2HError
from l2h.store.models import read_model, write_model
from methods import defaults, refused


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
def test_scikit_learn_finds_no_fault():
    check_estimator(hashing.make("one_hot", bits=8))


def test_ranking_is_that_of_one_hot_codes_of_the_class_that_scikit_learn_predicts(digits):
    X, y = digits[0].astype(np.float64), digits[1]
    scorer = hashing.make("one_hot", bits=8).fit(X[:1000], y[:1000])
    centred = X - X[:1000].mean(axis=0)
    model = LogisticRegression(max_iter=200, tol=1e-3).fit(centred[:1000] / centred[:1000].std(), y[:1000])
    predicted = model.predict(centred / centred[:1000].std())
    words = np.eye(10)[predicted]
    distance = (words[1400:, None] != words[None, 1000:1400]).sum(axis=2)
    scores = scorer.scores(X[1400:], X[1000:1400])
    assert np.array_equal(2 - 2 * scores, distance)
    assert (predicted[1000:] == y[1000:]).mean() > 0.9


@pytest.mark.parametrize(("classes", "bits"), [(2, 1), (3, 2), (4, 2), (5, 3), (8, 3), (9, 4), (10, 4)])
def test_an_item_takes_as_many_bits_as_the_number_of_its_class(classes, bits, digits):
    X, y = digits
    some = y < classes
    for length in (8, 64):
        scorer = hashing.make("one_hot", bits=length).fit(X[some][:200], y[some][:200])
        assert scorer.item_bits(64 * 32) == bits


def test_mistakes_are_named(digits, tmp_path):
    X, y = digits
    with pytest.raises(L2HError, match="at least two classes"):
        hashing.make("one_hot", bits=8).fit(X, np.zeros(len(X), int))
    hashing.make("one_hot", bits=8).fit(X, y).save(tmp_path / "model")
    description, arrays = read_model(tmp_path / "model")
    write_model(tmp_path / "model", {**description, "n_features_in": 65}, arrays)
    with pytest.raises(L2HError, match=r"its arrays have the shapes \[\(64,\), \(64, 10\), \(10,\)\], "):
        hashing.load(tmp_path / "model")


def test_defaults_are_those_of_the_results_in_the_docs():
    assert defaults("one_hot") == {"bits": 0, "C": 1.0, "max_iter": 200, "random_state": None}


def test_wrong_values_are_one_clear_line():
    refused("one_hot", "C must be a number above 0, got -1", C=-1)
