"""DSH against plain loops over its formula, with a bank and inside the batch."""

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from l2h import hashing
from l2h.errors import L2HError
from losses import BITS, loss_of, mean, shares, value
from methods import SHARED, defaults, precision, refused


def of_pair(u, v, similar, margin):
    d = sum((a - b) ** 2 for a, b in zip(u.tolist(), v.tolist(), strict=True))
    return d / 2 if similar else max(margin - d, 0) / 2


def pull(outputs):
    return mean(abs(abs(u) - 1) for u in outputs.flatten().tolist())


def test_loss_against_the_bank_is_the_formula(batch):
    outputs, features, rows, labels = batch
    loss = loss_of("dsh", labels)
    bank = torch.zeros(len(labels), BITS, dtype=outputs.dtype)
    for shift in (0.0, 0.3):  # the second call sees the first one's outputs for rows that it does not touch
        rows, outputs = rows.roll(1), outputs + shift
        bank[rows] = outputs
        pairs = [
            of_pair(u, bank[j], shares(labels[i], labels[j]), 2 * BITS)
            for u, i in zip(outputs, rows, strict=True)
            for j in range(len(bank))
        ]
        assert value(loss, outputs, features, rows) == pytest.approx(mean(pairs) + 0.1 * pull(outputs))


def test_loss_inside_the_batch_is_the_formula(batch):
    outputs, features, rows, labels = batch
    loss = loss_of("dsh", labels, margin=3.0, alpha=0.01, pairs="batch")
    pairs = [
        of_pair(outputs[a], outputs[b], shares(labels[rows[a]], labels[rows[b]]), 3.0)
        for a in range(7)
        for b in range(7)
        if a != b
    ]
    assert value(loss, outputs, features, rows) == pytest.approx(mean(pairs) + 0.01 * pull(outputs))


class Largest(TorchDispatchMode):
    """Notes how many values the largest tensor has that any operation makes."""

    values = 0

    def __torch_dispatch__(self, function, types, arguments=(), options=None):
        result = function(*arguments, **(options or {}))
        for tensor in result if isinstance(result, tuple | list) else (result,):
            if isinstance(tensor, torch.Tensor):
                self.values = max(self.values, tensor.numel())
        return result


def test_memory_does_not_grow_with_bank_times_bits_times_batch():
    images, bits, batch = 700, 48, 60
    loss = loss_of("dsh", torch.eye(10)[torch.arange(images) % 10], bits)
    outputs = torch.randn(batch, bits, requires_grad=True)
    with Largest() as largest:
        loss(outputs, outputs, torch.arange(batch), 0).backward()
    assert outputs.grad is not None
    assert images * bits <= largest.values <= images * max(bits, batch)


def test_few_images_of_many_classes_are_learned_and_not_left_after_an_epoch_that_chance_chose():
    """Two training images each of 40 classes: no two of the 8 that would validate share one."""
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(40, 64)).astype(np.float32)
    y = np.repeat(np.arange(40), 4)
    X = centres[y] + 0.5 * rng.normal(size=(160, 64)).astype(np.float32)
    train, query = np.arange(160) % 4 < 2, np.arange(160) % 4 == 2
    hasher = hashing.make("dsh", bits=16, random_state=0).fit(X[train], y[train])
    assert precision(hasher, X, y, database=~query, queries=query) > 0.5


def test_divergence_is_an_error_and_not_a_model(digits):
    with pytest.raises(L2HError, match="training diverged"):
        hashing.make("dsh", bits=8, lr=1e30, random_state=0).fit(*digits)


def test_defaults_are_those_of_the_results_in_the_docs():
    assert defaults("dsh") == {**SHARED, "epochs": 60, "alpha": 0.1, "margin": None, "pairs": "bank"}


def test_wrong_values_are_one_clear_line():
    refused("dsh", "pairs must be bank or batch, got 'all'", pairs="all")
    refused("dsh", "alpha must be a number from 0, got -1", alpha=-1)
    refused("dsh", r"margin must be null \(2 \* bits\) or a number above 0, got 0", margin=0)
