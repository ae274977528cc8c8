"""Shallow methods against their formulas: values worked out by hand, and plain reference computations."""

import doctest
from importlib import import_module

import numpy as np
import pytest
from scipy.linalg import orthogonal_procrustes
from sklearn.datasets import load_digits
from sklearn.utils.estimator_checks import check_estimator

from l2h import hashing
from l2h.errors import L2HError

METHODS = ("pca_rr", "pca_sign")


@pytest.fixture(scope="module")
def digits():
    data = load_digits()
    return data.data.astype(np.float64), data.target


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
@pytest.mark.parametrize("name", METHODS)
def test_scikit_learn_finds_no_fault(name):
    check_estimator(hashing.make(name, bits=1, random_state=0))


@pytest.mark.parametrize("name", METHODS)
def test_examples_of_the_docstrings(name):
    found = doctest.testmod(import_module(hashing.registry.get(name).__module__))
    assert found.attempted > 0
    assert found.failed == 0


@pytest.mark.parametrize("name", METHODS)
def test_the_seed_decides_unless_the_method_is_deterministic(name, digits):
    X, y = digits
    first, other = (hashing.make(name, bits=4, random_state=seed).fit(X[:200], y[:200]) for seed in (0, 1))
    same = np.array_equal(first.decision_function(X), other.decision_function(X))
    assert same == hashing.registry.get(name).deterministic


class TestPrincipalComponents:
    def test_scores_are_those_of_the_singular_value_decomposition(self, digits):
        X, _ = digits
        pca = hashing.make("pca_sign", bits=16).fit(X)
        centred = X - X.mean(axis=0)
        components = np.linalg.svd(centred, full_matrices=False)[2][:16].T
        components *= np.sign(components[abs(components).argmax(axis=0), range(16)])
        assert np.allclose(pca.projection_, components, atol=1e-8)
        assert np.allclose(pca.decision_function(X), centred @ components, atol=1e-6)

    @pytest.mark.parametrize("bits", [1, 63, 64])
    def test_the_largest_entry_of_a_component_is_positive(self, bits, digits):
        projection = hashing.make("pca_sign", bits=bits).fit(digits[0]).projection_
        assert (projection[abs(projection).argmax(axis=0), range(bits)] > 0).all()

    def test_rotation_keeps_distances_and_spreads_the_variance(self, digits):
        X, _ = digits
        plain, turned = (hashing.make(name, bits=16, random_state=0).fit(X) for name in ("pca_sign", "pca_rr"))
        rotation = plain.projection_.T @ turned.projection_
        assert np.allclose(rotation.T @ rotation, np.eye(16))
        a, b = (one.decision_function(X) for one in (plain, turned))
        assert np.allclose(np.linalg.norm(a[:50] - a[50:100], axis=1), np.linalg.norm(b[:50] - b[50:100], axis=1))
        assert np.ptp(a.var(axis=0)) > 1.5 * np.ptp(b.var(axis=0))

    def test_itq_s_first_iteration_starts_from_pca_rr(self, digits):
        X, _ = digits
        start, itq = (
            hashing.make(name, bits=8, random_state=3, **params).fit(X)
            for name, params in (("pca_rr", {}), ("itq", {"n_iter": 1}))
        )
        components = hashing.make("pca_sign", bits=8).fit(X)
        rotation, _ = orthogonal_procrustes(
            components.decision_function(X), np.where(start.decision_function(X) > 0, 1, -1)
        )
        assert np.allclose(itq.projection_, components.projection_ @ rotation, atol=1e-8)

    @pytest.mark.parametrize(("name", "words"), [("pca_sign", "PCA-sign"), ("pca_rr", "PCA-RR"), ("itq", "ITQ")])
    def test_n_samples_have_n_minus_one_components(self, name, words, digits):
        X, _ = digits
        assert hashing.make(name, bits=8).fit(X[:9]).projection_.shape == (64, 8)
        said = f"{words} of 8 bits needs at least 8 features and 9 samples, got n_features=64 and n_samples=8; ask for"
        with pytest.raises(L2HError, match=said):
            hashing.make(name, bits=8).fit(X[:8])
        with pytest.raises(L2HError, match="n_features=64 and n_samples=1797; ask for fewer bits"):
            hashing.make(name, bits=65).fit(X)
