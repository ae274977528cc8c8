"""ITQ: where its rotation starts, and what each iteration lowers."""

import numpy as np
from scipy.linalg import orthogonal_procrustes

from l2h import hashing
from methods import defaults, refused


def test_the_rotation_is_orthogonal_and_quantises_better_than_pca(digits):
    X, _ = digits
    centred = X - X.mean(axis=0)
    components = np.linalg.svd(centred, full_matrices=False)[2][:16].T

    def quantisation_error(projection):
        scores = centred @ projection
        return np.mean((scores - np.sign(scores)) ** 2 - scores**2)

    found = [hashing.make("itq", bits=16, random_state=0, n_iter=n).fit(X).projection_ for n in (1, 5, 50)]
    assert np.allclose(found[2].T @ found[2], np.eye(16), atol=1e-10)
    errors = [quantisation_error(projection) for projection in found]
    assert errors[2] < quantisation_error(components)
    assert errors == sorted(errors, reverse=True)  # each alternation lowers what it minimises
    assert errors[2] < errors[0] - 0.1


def test_the_first_iteration_starts_from_pca_rr(digits):
    X, _ = digits
    components = hashing.make("pca_sign", bits=8).fit(X)
    start = hashing.make("pca_rr", bits=8, random_state=3).fit(X)
    itq = hashing.make("itq", bits=8, random_state=3, n_iter=1).fit(X)
    signs = np.where(start.decision_function(X) > 0, 1, -1)
    rotation, _ = orthogonal_procrustes(components.decision_function(X), signs)
    assert np.allclose(itq.projection_, components.projection_ @ rotation, atol=1e-8)


def test_defaults_are_those_of_the_results_in_the_docs():
    assert defaults("itq") == {"bits": 32, "n_iter": 50, "random_state": None}


def test_wrong_values_are_one_clear_line():
    refused("itq", "n_iter must be a positive integer, got 0", n_iter=0)
