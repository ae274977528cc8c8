"""SDC against plain loops over its formula, and known quantiles."""

import math

import pytest
import torch

from l2h.hashing.deep.sdc import quantiles
from losses import cosine, loss_of, mean, sign, value
from methods import SHARED, defaults, refused


@pytest.mark.parametrize("clipped", [False, True])
def test_loss_is_the_formula(batch, clipped):
    outputs, features, rows, _ = batch
    loss = loss_of("sdc", None, alpha=0.3, clipped=clipped)
    pairs = sorted(
        (cosine(features[i].tolist(), features[3 + i].tolist()), cosine(outputs[i].tolist(), outputs[3 + i].tolist()))
        for i in range(3)
    )
    wanted = [max(q, 0) if clipped else q for q in quantiles(3, 5.0)]
    spread = mean(abs(v - q) for (_, v), q in zip(pairs, wanted, strict=True))
    pull = mean(1 - cosine(u, [sign(x) for x in u]) for u in outputs.tolist())
    assert value(loss, outputs, features, rows) == pytest.approx(spread + 0.3 * pull)


def test_quantiles_are_known_and_the_loss_is_0_if_outputs_have_them_in_order():
    wanted = [-0.360262, -0.103032, 0.103032, 0.360262]
    assert quantiles(4, 5.0) == pytest.approx(wanted, abs=1e-6)
    assert sum(quantiles(7, 5.0)) == pytest.approx(0)
    angles = [math.acos(q) for q in quantiles(4, 5.0)]
    outputs = [[1, 0]] * 4 + [[math.cos(a), math.sin(a)] for a in angles]
    features = torch.tensor([[1.0, 0]] * 4 + [[0, 1], [1, 3], [1, 1], [1, 0]], dtype=torch.float64)
    loss = loss_of("sdc", None, bits=2, alpha=0.0)
    assert value(loss, outputs, features) == pytest.approx(0, abs=1e-12)
    assert value(loss, outputs, features.flip(0)) > 0.1


def test_pairs_of_equal_feature_cosine_keep_their_order():
    """So that copies of an image do not make the loss depend on how a sort treats ties."""
    features = torch.ones(8, 3, dtype=torch.float64)
    angles = [math.acos(q) for q in quantiles(4, 5.0)]
    outputs = [[1, 0]] * 4 + [[math.cos(a), math.sin(a)] for a in angles]
    assert value(loss_of("sdc", None, bits=2, alpha=0.0), outputs, features) == pytest.approx(0, abs=1e-12)


def test_defaults_are_those_of_the_results_in_the_docs():
    assert defaults("sdc") == {**SHARED, "epochs": 60, "shape": 5.0, "alpha": 1.0, "clipped": False}


def test_wrong_values_are_one_clear_line():
    refused("sdc", "clipped must be true or false, got 'no'", clipped="no")
    refused("sdc", "shape must be a number above 0, got 0", shape=0)
    refused("sdc", "alpha must be a number from 0, got -1", alpha=-1)
