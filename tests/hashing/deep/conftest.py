"""A batch for losses."""

import numpy as np
import pytest
import torch

from losses import BITS


@pytest.fixture(params=["classes", "multi-label"])
def batch(request):
    """Outputs, features, rows and all labels, float64."""
    rng = np.random.default_rng(3)
    labels = np.eye(3)[rng.integers(0, 3, 12)] if request.param == "classes" else (rng.random((12, 6)) < 0.3) * 1.0
    outputs, features, rows = rng.normal(size=(7, BITS)), rng.normal(size=(7, 4)), rng.permutation(12)[:7]
    return torch.tensor(outputs), torch.tensor(features), torch.tensor(rows), torch.tensor(labels)
