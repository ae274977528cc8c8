"""Bi-half Net: balanced codes, the published gradient, and what it makes of collapsed bits."""

import math

import pytest
import torch

from l2h import hashing
from l2h.hashing.deep.bihalf import BiHalfLoss, bihalf_codes
from losses import BITS, cosine
from methods import SHARED, defaults, refused


@pytest.mark.parametrize("n", [6, 7])
def test_codes_split_each_bit_at_the_median(n):
    outputs = torch.randn(n, BITS, generator=torch.Generator().manual_seed(n))
    codes = bihalf_codes(outputs)
    for bit in range(BITS):
        column = outputs[:, bit].tolist()
        largest = sorted(range(n), key=lambda i: -column[i])[: n // 2]
        assert codes[:, bit].tolist() == [1 if i in largest else -1 for i in range(n)]


def test_loss_and_gradient_are_the_published_ones(batch):
    """The gradient is that of the codes, plus gamma * (U - B) / numel."""
    outputs, features, rows, _ = batch
    outputs.requires_grad_()
    loss = BiHalfLoss(gamma=6.0)(outputs, features, rows, 0)
    codes = bihalf_codes(outputs.detach())
    wanted = [cosine(features[i].tolist(), features[3 + i].tolist()) for i in range(3)]
    terms = [cosine(codes[i].tolist(), codes[3 + i].tolist()) - wanted[i] for i in range(3)]
    pull = 6.0 / 2 * ((outputs - codes) ** 2).mean().item()
    assert loss.item() == pytest.approx(sum(t * t for t in terms) / 3 + pull)

    leaf = codes.clone().requires_grad_()
    a, b = leaf[:3], leaf[3:6]
    similarity = (a * b).sum(1) / (a.norm(dim=1) * b.norm(dim=1))
    ((similarity - torch.tensor(wanted)) ** 2).mean().backward()
    loss.backward()
    expected = leaf.grad + 6.0 * (outputs.detach() - codes) / outputs.numel()
    assert torch.allclose(outputs.grad, expected, atol=1e-8)


def test_collapsed_bits_come_back_to_half_and_half():
    generator = torch.Generator().manual_seed(0)
    outputs = (torch.randn(40, BITS, generator=generator) + 4).requires_grad_()  # every bit of every image is 1
    features = torch.randn(40, 4, generator=generator)
    optimizer = torch.optim.Adam([outputs], lr=0.1)
    for _ in range(200):
        optimizer.zero_grad()
        BiHalfLoss(gamma=6.0)(outputs, features, torch.arange(40), 0).backward()
        optimizer.step()
    assert ((outputs > 0).sum(dim=0) == 20).all()


def test_bits_of_real_digits_are_balanced_by_default(digits):
    X, _ = digits
    hasher = hashing.make("bihalf", bits=16, random_state=0).fit(X[:1000])
    share = (hasher.decision_function(X) > 0).mean(axis=0)
    assert (abs(share - 0.5) < 0.1).all()


def test_defaults_are_those_of_the_results_in_the_docs():
    assert defaults("bihalf") == {**SHARED, "lr": (3e-4, 1e-4, 3e-5), "gamma": 6.0}


def test_wrong_values_are_one_clear_line():
    refused("bihalf", "gamma must be a number from 0, got nan", gamma=math.nan)
