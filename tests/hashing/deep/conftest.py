"""A batch for losses, and weights for training at scope full."""

from pathlib import Path

import numpy as np
import pytest
import torch

from l2h import backbones, plugins
from l2h.backbones.weights import make_untrained
from losses import BITS

SUPPORT = Path(__file__).parents[2] / "support"


@pytest.fixture(params=["classes", "multi-label"])
def batch(request):
    """Outputs, features, rows and all labels, float64."""
    rng = np.random.default_rng(3)
    labels = np.eye(3)[rng.integers(0, 3, 12)] if request.param == "classes" else (rng.random((12, 6)) < 0.3) * 1.0
    outputs, features, rows = rng.normal(size=(7, BITS)), rng.normal(size=(7, 4)), rng.permutation(12)[:7]
    return torch.tensor(outputs), torch.tensor(features), torch.tensor(rows), torch.tensor(labels)


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """A file of untrained weights of the plug-in's network `toy`."""
    plugins.load([str(SUPPORT / "toy_backbone.py")])
    path = tmp_path_factory.mktemp("weights") / "toy.safetensors"
    make_untrained(backbones.registry.get("toy")(), 0, path)
    return path
