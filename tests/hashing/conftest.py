"""Real data, small enough for every method."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

from methods import pairs_of


@pytest.fixture(scope="session")
def digits():
    """Pixels as features, float32 (1797, 64), and classes."""
    data = load_digits()
    return data.data.astype(np.float32), data.target


@pytest.fixture(scope="session")
def digit_pairs(digits):
    """Two digits side by side: pixels, float32 (850, 128), and one label or two, bool (850, 10)."""
    X, y = digits
    return pairs_of(X[:1700], y[:1700])
