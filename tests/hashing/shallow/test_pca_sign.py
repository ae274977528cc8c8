"""PCA-sign against the singular value decomposition."""

import numpy as np
import pytest

from l2h import hashing
from methods import defaults


def test_scores_are_those_of_the_singular_value_decomposition(digits):
    X, _ = digits
    pca = hashing.make("pca_sign", bits=16).fit(X)
    centred = X - X.mean(axis=0)
    components = np.linalg.svd(centred, full_matrices=False)[2][:16].T
    components *= np.sign(components[abs(components).argmax(axis=0), range(16)])
    assert np.allclose(pca.projection_, components, atol=1e-8)
    assert np.allclose(pca.decision_function(X), centred @ components, atol=1e-6)


@pytest.mark.parametrize("bits", [1, 63, 64])
def test_the_largest_entry_of_a_component_is_positive(bits, digits):
    projection = hashing.make("pca_sign", bits=bits).fit(digits[0]).projection_
    assert (projection[abs(projection).argmax(axis=0), range(bits)] > 0).all()


def test_the_seed_changes_nothing(digits):
    X, _ = digits
    first, other = (hashing.make("pca_sign", bits=8, random_state=seed).fit(X) for seed in (0, 1))
    assert np.array_equal(first.projection_, other.projection_)


def test_defaults_are_those_of_the_results_in_the_docs():
    assert defaults("pca_sign") == {"bits": 32, "random_state": None}
