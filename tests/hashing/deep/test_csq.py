"""CSQ against plain loops over its formula, and known values."""

import math

import pytest
import torch

from losses import BITS, labelled_rows, loss_of, mean, sign, softplus, value
from methods import SHARED, defaults, refused


@pytest.mark.parametrize("ties", ["ignore", "shared"])
def test_loss_is_the_formula(batch, ties):
    outputs, features, rows, labels = batch
    loss = loss_of("csq", labels, ties=ties, alpha=0.3)
    assert set(loss.tied_bits.tolist()) <= ({0} if ties == "ignore" else {-1, 1})
    regression, pull = [], []
    for u, present in labelled_rows(batch):
        votes = [sum(loss.centres[k, bit].item() for k in present) for bit in range(BITS)]
        for bit, vote in enumerate(votes):
            target = sign(vote) if vote else loss.tied_bits[bit].item()
            regression.append(softplus(-2 * target * u[bit]) if target else 0)
            pull.append((abs(math.tanh(u[bit])) - 1) ** 2)
    assert value(loss, outputs, features, rows) == pytest.approx(mean(regression) + 0.3 * mean(pull))


def test_known_values_are_reproduced():
    half = math.atanh(0.5)
    for alpha, at_zero, at_half in ((0.0, 0.693147, 0.836988), (1.0, 0.693147 + 1, 0.836988 + 0.25)):
        loss = loss_of("csq", torch.ones(1, 1, dtype=torch.float64), bits=2, alpha=alpha)
        loss.centres = torch.ones(1, 2, dtype=torch.float64)
        assert value(loss, [[0, 0]]) == pytest.approx(at_zero, abs=1e-6)
        assert value(loss, [[half, -half]]) == pytest.approx(at_half, abs=1e-6)
        assert math.isfinite(value(loss, [[-1e4, 1e4]]))


def test_defaults_are_those_of_the_results_in_the_docs():
    assert defaults("csq") == {**SHARED, "centres": "separated", "alpha": 0.05, "ties": "ignore"}


def test_wrong_values_are_one_clear_line():
    refused("csq", "centres must be one of separated, first_rows, bernoulli, got 'random'", centres="random")
    refused("csq", "alpha must be a number from 0, got -1", alpha=-1)
    refused("csq", "ties must be ignore or shared, got 'keep'", ties="keep")
