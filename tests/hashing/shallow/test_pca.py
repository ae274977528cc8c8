"""Principal components, and how many there are."""

import numpy as np
import pytest

from l2h import hashing
from l2h.errors import L2HError
from l2h.hashing.shallow.pca import fit_pca


@pytest.mark.parametrize("count", [1, 63, 64])
def test_components_are_those_of_the_singular_value_decomposition_with_the_largest_entry_positive(count, digits):
    X, _ = digits
    X = X + np.random.default_rng(0).normal(size=X.shape)  # no constant pixel, whose direction would be arbitrary
    found = fit_pca(X, count, 0).components_
    components = np.linalg.svd(X - X.mean(axis=0), full_matrices=False)[2][:count]
    components *= np.sign(components[range(count), abs(components).argmax(axis=1)])[:, None]
    assert np.allclose(found, components, atol=1e-6)


@pytest.mark.parametrize(("name", "words"), [("pca_sign", "PCA-sign"), ("pca_rr", "PCA-RR"), ("itq", "ITQ")])
def test_n_samples_have_n_minus_one_components(name, words, digits):
    X, _ = digits
    assert hashing.make(name, bits=8).fit(X[:9]).projection_.shape == (64, 8)
    said = f"{words} of 8 bits needs at least 8 features and 9 samples, got n_features=64 and n_samples=8; use"
    with pytest.raises(L2HError, match=said):
        hashing.make(name, bits=8).fit(X[:8])
    with pytest.raises(L2HError, match="n_features=64 and n_samples=1797; use fewer bits"):
        hashing.make(name, bits=65).fit(X)
