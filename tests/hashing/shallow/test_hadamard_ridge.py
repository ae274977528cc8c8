"""Hadamard ridge: what kernels that tell the class give, which ridge is chosen, and equal bits of centres."""

import numpy as np
import pytest

from l2h import hashing
from l2h.errors import L2HError
from l2h.hashing.centres import class_centres
from methods import defaults, refused


@pytest.fixture
def points():
    """Four points far apart: kernels are 1 between copies of a point, and 0 between others."""
    return np.eye(4) * 9


def fit(points, labels):
    copies = np.repeat(points, 5, axis=0), np.repeat(labels, 5, axis=0)
    hasher = hashing.make("hadamard_ridge", bits=8, random_state=0, width=0.05, ridge=1e-9)
    return hasher.fit(*copies).decision_function(points)


def test_kernels_that_tell_the_class_give_its_centre(points):
    scores = fit(points, np.arange(4))
    rng = np.random.RandomState(0)
    rng.permutation(20)  # of the anchors
    centres = class_centres(4, 8, np.random.default_rng(rng.randint(2**31)))
    assert np.allclose(scores, centres, atol=1e-6)


def test_several_labels_give_the_mean_of_their_centres(points):
    scores = fit(points, np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0]]))
    assert np.allclose(abs(scores[:3]), 1, atol=1e-6)
    assert np.allclose(scores[3], (scores[0] + scores[1]) / 2, atol=1e-6)


def test_the_ridge_has_the_least_error_on_images_left_out_in_turn(digits):
    X, y, ridges = digits[0][:60], digits[1][:60], (1e-3, 1e-1, 10.0)
    hasher = hashing.make("hadamard_ridge", bits=8, random_state=0, anchors=20, ridge=ridges).fit(X, y)
    rng = np.random.RandomState(0)
    rng.permutation(60)
    targets = class_centres(10, 8, np.random.default_rng(rng.randint(2**31)))[y]
    F = hasher.kernels(X)

    def regression(rows, ridge):
        A, B = F[rows] - F[rows].mean(axis=0), targets[rows] - targets[rows].mean(axis=0)
        P = np.linalg.solve(A.T @ A + ridge * np.eye(20), A.T @ B)
        return P, targets[rows].mean(axis=0) - F[rows].mean(axis=0) @ P

    errors = []
    for ridge in ridges:
        left_out = [(i, *regression(np.arange(60) != i, ridge)) for i in range(60)]
        errors.append(sum(np.sum((targets[i] - F[i] @ P - intercept) ** 2) for i, P, intercept in left_out))
    assert hasher.ridge_ == ridges[int(np.argmin(errors))]
    assert hasher.notes() == {"ridge": hasher.ridge_}
    P, intercept = regression(np.arange(60), hasher.ridge_)
    assert np.allclose(hasher.projection_, P, atol=1e-8)
    assert np.allclose(hasher.intercept_, intercept, atol=1e-8)


def test_equal_bits_of_the_centres_are_learned_as_equal_bits(digits):
    X, y = digits[0][:300], digits[1][:300]
    different = []
    for kind in ("first_rows", "separated"):
        hasher = hashing.make("hadamard_ridge", bits=64, random_state=0, centres=kind, ridge=0.1).fit(X, y)
        scores = hasher.decision_function(X).round(9)
        different.append(len(np.unique(scores.T, axis=0)))
    assert different == [16, 64]


def test_too_few_bits_for_a_centre_a_class_are_an_error(digits):
    with pytest.raises(L2HError, match="found no centres of 10 classes at 3 bits"):
        hashing.make("hadamard_ridge", bits=3).fit(*digits)


def test_defaults_are_those_of_the_results_in_the_docs():
    own = {"anchors": 1000, "width": 0.5, "ridge": (1e-3, 1e-2, 1e-1, 1.0, 10.0), "centres": "separated"}
    assert defaults("hadamard_ridge") == {"bits": 32, **own, "random_state": None}


def test_wrong_values_are_one_clear_line():
    refused("hadamard_ridge", r"ridge must be a number above 0, or several, got \(\)", ridge=[])
    refused("hadamard_ridge", ".*YAML reads it as text", ridge=[1, "1e-3"])
    refused("hadamard_ridge", "centres must be one of separated, first_rows, bernou", centres="far")
