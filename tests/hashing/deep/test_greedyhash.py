"""GreedyHash against plain loops over its formula, known values, and its learned classifier."""

import math

import numpy as np
import pytest
import torch

from l2h import hashing
from losses import labelled_rows, loss_of, mean, sign, softplus, value
from methods import SHARED, defaults, quick, refused


@pytest.mark.parametrize("probability", ["softmax", "sigmoid"])
def test_loss_is_the_formula(batch, probability):
    outputs, features, rows, labels = batch
    loss = loss_of("greedyhash", labels, probability=probability, alpha=0.3)
    terms = []
    for u, present in labelled_rows(batch):
        logits = [sum(v * sign(x) for v, x in zip(row, u, strict=True)) for row in loss.classifier.tolist()]
        if probability == "softmax":
            total = math.log(sum(math.exp(z) for z in logits))
            entropy = mean(total - logits[k] for k in present)
        else:
            entropy = mean(softplus(z) - z * (k in present) for k, z in enumerate(logits))
        terms.append(entropy + 0.3 * mean(abs(abs(x) - 1) ** 3 for x in u))
    assert value(loss, outputs, features, rows) == pytest.approx(mean(terms))


def test_known_values_and_gradients_are_reproduced():
    """The cross-entropy's gradient passes the sign; the classifier has one too."""
    loss = loss_of("greedyhash", torch.tensor([[1.0, 0.0]], dtype=torch.float64), bits=2, alpha=0.1)
    with torch.no_grad():
        loss.classifier.copy_(torch.eye(2))
    outputs = torch.tensor([[0.5, -0.5]], dtype=torch.float64, requires_grad=True)
    found = loss(outputs, None, torch.tensor([0]), 0)
    found.backward()
    assert found.item() == pytest.approx(0.126928 + 0.1 * 0.125, abs=1e-6)
    assert outputs.grad.tolist()[0] == pytest.approx([-0.119203 - 0.0375, 0.119203 + 0.0375], abs=1e-6)
    assert loss.classifier.grad.flatten().tolist() == pytest.approx(
        [-0.119203, 0.119203, 0.119203, -0.119203], abs=1e-6
    )


def test_the_classifier_is_learned_and_saved(digits, tmp_path):
    """The classifier of widely copied code is outside the optimiser and stays random."""
    X, y = digits
    greedy = quick("greedyhash", bits=16, lr=1e-2, epochs=20).fit(X[:1000], y[:1000])
    codes = np.where(greedy.decision_function(X) > 0, 1, -1)
    assert ((codes @ greedy.classifier_.T).argmax(axis=1) == y)[1000:].mean() > 0.8
    greedy.save(tmp_path / "model")
    assert np.array_equal(hashing.load(tmp_path / "model").classifier_, greedy.classifier_)
    rates = [quick("greedyhash", classifier_lr=rate).fit(X[:100], y[:100]).classifier_ for rate in (1.0, 1e-9)]
    assert np.abs(rates[0] - rates[1]).max() > 1e-3


def test_defaults_are_those_of_the_results_in_the_docs():
    own = {"alpha": 0.1, "probability": "softmax", "classifier_lr": 1.0, "classifier_decay": 1e-5}
    assert defaults("greedyhash") == {**SHARED, **own}


def test_wrong_values_are_one_clear_line():
    refused("greedyhash", "probability must be softmax or sigmoid, got 'max'", probability="max")
    refused("greedyhash", "alpha must be a number from 0, got -1", alpha=-1)
    refused("greedyhash", "classifier_lr must be a share of lr above 0, got 0", classifier_lr=0)
    refused("greedyhash", "classifier_decay must be a number from 0, got -1", classifier_decay=-1)
