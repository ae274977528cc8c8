"""PCA-RR: a rotation of PCA-sign's scores."""

import numpy as np

from l2h import hashing
from methods import defaults


def test_rotation_keeps_distances_and_spreads_the_variance(digits):
    X, _ = digits
    plain, turned = (hashing.make(name, bits=16, random_state=0).fit(X) for name in ("pca_sign", "pca_rr"))
    rotation = plain.projection_.T @ turned.projection_
    assert np.allclose(rotation.T @ rotation, np.eye(16))
    a, b = (one.decision_function(X) for one in (plain, turned))
    assert np.allclose(np.linalg.norm(a[:50] - a[50:100], axis=1), np.linalg.norm(b[:50] - b[50:100], axis=1))
    assert np.ptp(a.var(axis=0)) > 1.5 * np.ptp(b.var(axis=0))


def test_with_a_bit_a_feature_distances_are_those_of_the_features(digits):
    X, _ = digits
    scores = hashing.make("pca_rr", bits=64, random_state=0).fit(X).decision_function(X)
    distances = (np.linalg.norm(one[:50] - one[50:100], axis=1) for one in (scores, X))
    assert np.allclose(*distances)


def test_defaults_are_those_of_the_results_in_the_docs():
    assert defaults("pca_rr") == {"bits": 32, "random_state": None}
