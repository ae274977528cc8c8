"""SDH against the alternation of the paper, written with matrix inverses and single bits."""

import itertools

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from l2h import hashing
from l2h.hashing.shallow.sdh import label_weights, update_bits
from methods import defaults, refused


def test_the_best_code_is_reached_from_every_start():
    """One image, y = (1, 0), w_1 = (1, 1), w_2 = (1, -1), nu = 0: the codes have the values 1, 5, 5, 9."""
    weights, label = np.array([[1.0, 1.0], [1.0, -1.0]]), np.array([[1.0, 0.0]])
    starts = [np.array([code], float) for code in itertools.product((1, -1), repeat=2)]
    assert [np.sum((label - code @ weights) ** 2) for code in starts] == [1, 5, 5, 9]
    assert all(update_bits(start, label @ weights.T, weights).tolist() == [[1, 1]] for start in starts)


def test_one_bit_is_the_sign_of_its_target_and_stays_if_that_is_0():
    codes, target = np.array([[1.0], [1.0], [1.0], [-1.0]]), np.array([[3.0], [-0.5], [0.0], [0.0]])
    assert update_bits(codes, target, np.array([[2.0, 1.0]])).ravel().tolist() == [1, -1, 1, -1]
    assert codes.ravel().tolist() == [1, 1, 1, -1]  # the old ones are left alone


def test_weights_solve_the_regression():
    rng = np.random.default_rng(0)
    codes, labels = rng.choice((-1.0, 1.0), (30, 4)), rng.normal(size=(30, 3))
    weights = label_weights(codes, labels, 2.0)
    assert np.allclose(2 * codes.T @ (codes @ weights - labels) + 4 * weights, 0)  # the gradient


@pytest.mark.parametrize("nu", [1e-5, 1e-2])
def test_training_is_the_paper_s_alternation_and_never_raises_its_objective(nu, digits):
    """Against matrix inverses and single bits; several labels an image."""
    X, Y = digits[0][:150], np.eye(10)[digits[1][:150]]
    Y[:, 0] = Y[:, 3] + Y[:, 0]
    hasher = hashing.make("sdh", bits=6, random_state=0, anchors=40, nu=nu, rounds=3).fit(X, Y)
    rng = np.random.RandomState(0)
    anchors = X[rng.permutation(150)[:40]]
    codes = rng.choice((-1.0, 1.0), size=(150, 6))
    distances = cdist(anchors, anchors)
    width = 0.5 * np.median(distances[distances > 0])
    F = np.c_[np.exp(-(cdist(X, anchors) ** 2) / (2 * width**2)), np.ones(150)]

    def objective(codes, W, P):
        predicted = np.sum((codes - F @ P) ** 2) + 1e-2 * np.sum(P**2)
        return np.sum((Y - codes @ W) ** 2) + np.sum(W**2) + nu * predicted

    values, W, P = [], np.zeros((6, 10)), np.zeros((41, 6))
    for _ in range(3):
        W = np.linalg.inv(codes.T @ codes + np.eye(6)) @ codes.T @ Y
        values.append(objective(codes, W, P))
        P = np.linalg.inv(F.T @ F + 1e-2 * np.eye(41)) @ F.T @ codes
        values.append(objective(codes, W, P))
        Q = Y @ W.T + nu * F @ P
        for _ in range(10):
            for k in range(6):
                rest = np.delete(codes, k, axis=1) @ np.delete(W, k, axis=0)
                codes[:, k] = np.where(Q[:, k] - rest @ W[k] > 0, 1, -1)
                values.append(objective(codes, W, P))
    P = np.linalg.inv(F.T @ F + 1e-2 * np.eye(41)) @ F.T @ codes
    assert (np.diff(values) < 1e-9).all()
    assert np.allclose(hasher.projection_, P[:-1], atol=1e-7)
    assert np.allclose(hasher.intercept_, P[-1], atol=1e-7)
    assert hasher.codes_.dtype == np.int8
    assert np.array_equal(hasher.codes_, codes)


def test_defaults_are_those_of_the_results_in_the_docs():
    own = {"anchors": 1000, "width": 0.5, "ridge": 1e-2, "label_ridge": 1.0, "nu": 1e-5, "rounds": 5}
    assert defaults("sdh") == {"bits": 32, **own, "random_state": None}


def test_wrong_values_are_one_clear_line():
    refused("sdh", "nu must be a number above 0, got -1", nu=-1)
    refused("sdh", "label_ridge must be a number above 0, got 0", label_ridge=0)
    refused("sdh", "rounds must be a positive integer, got 1.5", rounds=1.5)
