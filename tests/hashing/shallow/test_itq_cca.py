"""ITQ-CCA against the eigenproblem of the paper, Fisher's direction, and the angles between subspaces."""

import numpy as np
import pytest
from scipy.linalg import eigh

from l2h import hashing
from l2h.errors import L2HError
from l2h.hashing.shallow.itq_cca import correlated_directions
from methods import defaults, refused


@pytest.fixture
def centred(digits):
    """Features and labels without their means."""
    X, y = digits
    return X - X.mean(axis=0), np.eye(10)[y] - np.eye(10)[y].mean(axis=0)


def test_directions_solve_the_eigenproblem_of_the_paper(centred):
    X, Y = centred
    found = correlated_directions(X, Y, ridge=0.1)
    metric = X.T @ X + 0.1 * np.trace(X.T @ X) / 64 * np.eye(64)
    squares, directions = eigh(X.T @ Y @ np.linalg.pinv(Y.T @ Y, rcond=1e-9) @ Y.T @ X, metric)
    squares, directions = squares[:-10:-1], directions[:, :-10:-1]
    assert ((squares > 0) & (squares < 1)).all()
    signs = np.sign((found * directions).sum(axis=0))
    assert np.allclose(found, directions * np.sqrt(squares) * signs, atol=1e-8)


def test_correlations_are_the_cosines_between_the_spaces_of_features_and_labels(centred):
    X, Y = centred
    found = X @ correlated_directions(X, Y, ridge=1e-12)
    spaces = [u[:, s > 1e-8] for u, s, _ in (np.linalg.svd(one, full_matrices=False) for one in (X, Y))]
    cosines = np.linalg.svd(spaces[0].T @ spaces[1])[1]
    assert np.linalg.norm(found, axis=0) == pytest.approx(cosines, abs=1e-6)


def test_two_classes_give_fisher_s_direction(digits):
    X, y = digits
    X = X + np.random.default_rng(0).normal(size=X.shape)  # no constant pixel
    sides = X[y == 3], X[y == 8]
    hasher = hashing.make("itq_cca", bits=1, ridge=1e-12, random_state=0)
    found = hasher.fit(np.concatenate(sides), np.repeat([3, 8], [len(sides[0]), len(sides[1])])).projection_[:, 0]
    means = [side.mean(axis=0) for side in sides]
    within = sum((side - mean).T @ (side - mean) for side, mean in zip(sides, means, strict=True))
    fisher = np.linalg.solve(within, means[1] - means[0])
    assert abs(fisher @ found) == pytest.approx(np.linalg.norm(fisher) * np.linalg.norm(found))


def test_an_invertible_map_of_the_features_changes_no_score(digits):
    X, y = digits
    rng = np.random.default_rng(0)
    X = X[:, :20] + rng.normal(size=(len(X), 20))
    mapped = (X - X.mean(axis=0)) @ rng.normal(size=(20, 20))
    Y = np.eye(10)[y] - np.eye(10)[y].mean(axis=0)
    a, b = (one @ correlated_directions(one, Y, ridge=1e-14) for one in (X - X.mean(axis=0), mapped))
    assert np.allclose(abs(a), abs(b), atol=1e-6)  # the sign of a direction is arbitrary


def test_more_features_than_samples(digits):
    """Labels are then predicted exactly, so that a class is a point."""
    X, y = np.hstack([digits[0][:40], digits[0][:40] ** 2]), digits[1][:40]
    codes = hashing.make("itq_cca", bits=9, random_state=0, ridge=1e-9).fit(X, y).transform(X)
    assert len(np.unique(codes, axis=0)) == len(np.unique(np.column_stack([codes, y]), axis=0)) == 10


def test_bits_are_at_most_the_correlated_directions(digits):
    X, y = digits
    said = "ITQ-CCA of 10 bits needs as many directions .*, but 10 classes and 64 features have 9; use fewer"
    with pytest.raises(L2HError, match=said):
        hashing.make("itq_cca", bits=10).fit(X, y)
    with pytest.raises(L2HError, match="10 classes and 2 features have 2; use fewer bits"):
        hashing.make("itq_cca", bits=3).fit(X[:, 20:22], y)
    several = np.eye(10, dtype=bool)[y]
    several[::2, 0] = True
    assert hashing.make("itq_cca", bits=10).fit(X, several).projection_.shape == (64, 10)


def test_the_rotation_lowers_the_quantisation_error(digits):
    X, y = digits

    def error(n_iter):
        scores = hashing.make("itq_cca", bits=9, random_state=0, n_iter=n_iter).fit(X, y).decision_function(X)
        return -abs(scores).sum()  # of (sign - score)^2, what a rotation changes

    assert error(50) < error(5) < error(1)


def test_defaults_are_those_of_the_results_in_the_docs():
    assert defaults("itq_cca") == {"bits": 32, "ridge": 1e-2, "n_iter": 50, "random_state": None}


def test_wrong_values_are_one_clear_line():
    refused("itq_cca", "ridge must be a number above 0, got 0", ridge=0)
    refused("itq_cca", "n_iter must be a positive integer, got 0", n_iter=0)
