"""The classifier: its codewords, and which class it predicts."""

import itertools

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from l2h import hashing
from l2h.errors import L2HError
from l2h.hashing.baselines.classifier import codewords
from methods import defaults, refused


@pytest.mark.parametrize(
    ("bits", "n", "distance"),
    [(8, 10, 4), (8, 16, 4), (64, 81, 32), (4, 16, 1), (4, 10, 1), (8, 17, 3), (12, 10, 4), (12, 21, 4), (200, 10, 80)],
)
def test_codewords_are_distinct_and_far_apart(bits, n, distance):
    words = codewords(n, bits, np.random.RandomState(0))
    assert words.shape == (n, bits)
    assert set(np.unique(words)) == {-1, 1}
    nearest = min(int((a != b).sum()) for a, b in itertools.combinations(words, 2))
    assert nearest >= distance
    again = codewords(n, bits, np.random.RandomState(0))
    assert np.array_equal(words, again)


def test_the_code_is_that_of_the_class(digits):
    X, y = digits
    hasher = hashing.make("classifier", bits=16, random_state=0).fit(X[:1000], y[:1000])
    words = hasher.decision_function(X[1000:])
    distance = (words[:, None] != hasher.codewords_[None]).sum(axis=2)
    assert (distance.min(axis=1) == 0).all()
    assert (distance.argmin(axis=1) == y[1000:]).mean() > 0.9


def test_it_predicts_the_most_probable_of_several_labels(digits):
    X, y = digits
    both = np.eye(12, dtype=bool)[y]
    both[:, 11] = y % 2 == 1  # odd, and never 10
    both[5] = False  # without a label
    hasher = hashing.make("classifier", bits=16, random_state=0).fit(X[:1000], both[:1000])
    assert hasher.codewords_.shape == (11, 16)
    predicted = (hasher.decision_function(X[1000:])[:, None] == hasher.codewords_[None]).all(axis=2).argmax(axis=1)
    classes = np.delete(np.arange(12), 10)[predicted]
    assert both[np.arange(1000, len(X)), classes].mean() > 0.85


def test_an_image_shares_its_weight_among_its_labels(digits):
    X, y = digits[0][:200].astype(np.float64), digits[1][:200]
    labels = np.eye(10, dtype=bool)[y]
    labels[::2, 0] = True
    hasher = hashing.make("classifier", bits=8, random_state=0).fit(X, labels)
    rows, classes = np.nonzero(labels)
    inputs = (X - X.mean(axis=0)) / (X - X.mean(axis=0)).std()
    shared, full = (
        LogisticRegression(max_iter=200, tol=1e-3).fit(inputs[rows], classes, sample_weight=weights)
        for weights in (1 / labels.sum(axis=1)[rows], None)
    )
    assert np.array_equal(hasher.predicted(X), shared.predict(inputs))
    assert not np.array_equal(hasher.predicted(X), full.predict(inputs))


def test_mistakes_are_named(digits):
    X, y = digits
    with pytest.raises(L2HError, match="10 classes need as many codewords, but 3 bits give 8; ask for at least 4 bits"):
        hashing.make("classifier", bits=3).fit(X, y)
    with pytest.raises(L2HError, match="at least two classes"):
        hashing.make("classifier", bits=3).fit(X, np.zeros(len(X), int))
    with pytest.raises(L2HError, match="target y is None: Classifier is supervised"):
        hashing.make("classifier", bits=8).fit(X)


def test_two_classes_take_one_bit(digits):
    X, y = digits
    some = y < 2
    hasher = hashing.make("classifier", bits=1, random_state=0).fit(X[some], y[some])
    assert ((hasher.decision_function(X[some])[:, 0] < 0) == y[some]).mean() > 0.99


def test_defaults_are_those_of_the_results_in_the_docs():
    assert defaults("classifier") == {"bits": 32, "C": 1.0, "max_iter": 200, "random_state": None}


def test_wrong_values_are_one_clear_line():
    refused("classifier", "C must be a number above 0, got 0", C=0)
    refused("classifier", "max_iter must be a positive integer, got 0", max_iter=0)
