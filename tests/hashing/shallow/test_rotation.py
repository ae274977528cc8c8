"""The rotations of PCA-RR, ITQ and ITQ-CCA."""

import numpy as np
import pytest

from l2h import hashing
from l2h.hashing.shallow.rotation import learned_rotation, random_rotation


@pytest.mark.parametrize("n", [1, 2, 16])
def test_a_rotation_is_orthogonal(n):
    rng = np.random.RandomState(0)
    for rotation in (random_rotation(n, rng), learned_rotation(rng.standard_normal((40, n)), 3, rng)):
        assert np.allclose(rotation.T @ rotation, np.eye(n), atol=1e-12)


@pytest.mark.parametrize("name", ["pca_sign", "itq_cca"])
def test_no_iteration_raises_the_distance_to_the_codes(name, digits):
    X, y = digits
    projected = hashing.make(name, bits=8, random_state=0).fit(X, y).decision_function(X)
    distances = []
    for iterations in range(8):
        rotated = projected @ learned_rotation(projected, iterations, np.random.RandomState(0))
        distances.append(np.sum((np.abs(rotated) - 1) ** 2))
    assert (np.diff(distances) < 0).all()
