"""GreedyHash without labels against plain loops over its formula, and a known value."""

import math

import pytest
import torch

from losses import cosine, loss_of, mean, sign, value
from methods import SHARED, defaults, refused


@pytest.mark.parametrize("centred", [True, False])
def test_loss_is_the_formula(batch, centred):
    outputs, features, rows, _ = batch
    loss = loss_of("greedyhash_unsupervised", None, alpha=0.3, centred=centred)
    x = (features - features.mean(dim=0) if centred else features).tolist()
    codes = [[sign(u) for u in row] for row in outputs.tolist()]
    kept = mean((cosine(codes[i], codes[3 + i]) - cosine(x[i], x[3 + i])) ** 2 for i in range(3))
    pull = mean(abs(abs(u) - 1) ** 3 for u in outputs.flatten().tolist())
    assert value(loss, outputs, features, rows) == pytest.approx(kept + 0.3 * pull)


def test_a_known_value_is_reproduced():
    pair = torch.tensor([[1.0, 0], [0.5, math.sqrt(0.75)]], dtype=torch.float64)
    loss = loss_of("greedyhash_unsupervised", None, bits=2, centred=False)
    assert value(loss, [[1, 1], [1, 1]], pair) == pytest.approx(0.25)


def test_defaults_are_those_of_the_results_in_the_docs():
    own = {"lr": (3e-4, 1e-4, 3e-5), "alpha": 0.1, "centred": True}
    assert defaults("greedyhash_unsupervised") == {**SHARED, **own}


def test_wrong_values_are_one_clear_line():
    refused("greedyhash_unsupervised", "centred must be true or false, got 0", centred=0)
    refused("greedyhash_unsupervised", "alpha must be a number from 0, got -1", alpha=-1)
