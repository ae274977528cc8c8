"""The digits in double precision, for comparison with plain reference computations."""

import numpy as np
import pytest


@pytest.fixture(scope="session")
def digits(digits):
    """Pixels as features, float64 (1797, 64), and classes."""
    X, y = digits
    return X.astype(np.float64), y
