"""LSH: the directions are random, on all features or on principal components."""

import numpy as np
import pytest

from l2h import hashing
from methods import defaults, refused


def test_bits_differ_as_often_as_the_angle_says():
    """Charikar: two points differ in a bit with probability angle / pi."""
    lsh = hashing.make("lsh", bits=20_000, random_state=0).fit([[1.0, 0], [-1, 0], [0, 1], [0, -1]])  # of mean 0
    for angle in (0.3, 1.0, 2.5):
        a, b = lsh.decision_function([[1.0, 0], [np.cos(angle), np.sin(angle)]]) > 0
        assert (a != b).mean() == pytest.approx(angle / np.pi, abs=0.01)


def test_directions_lie_in_the_space_of_principal_components(digits):
    X, _ = digits
    lsh = hashing.make("lsh", bits=8, random_state=0, pca_dims=3).fit(X)
    assert np.linalg.matrix_rank(lsh.projection_) == 3
    with pytest.raises(ValueError, match="pca_dims=99 needs as many features"):
        hashing.make("lsh", bits=8, pca_dims=99).fit(X)


def test_defaults_are_those_of_the_results_in_the_docs():
    assert defaults("lsh") == {"bits": 32, "pca_dims": None, "random_state": None}


def test_wrong_values_are_one_clear_line():
    refused("lsh", "pca_dims must be null or from 1, got 0", pca_dims=0)
