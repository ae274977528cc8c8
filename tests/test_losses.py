"""Each loss, and Bi-half's gradient, against plain Python loops over the published formula."""

import math

import numpy as np
import pytest
import torch

from l2h.hashing.deep.bihalf import BiHalfLoss, bihalf_codes
from l2h.hashing.deep.dsh import DSHLoss
from l2h.hashing.deep.hashnet import HashNetLoss

BITS = 5


@pytest.fixture(params=["classes", "multi-label"])
def batch(request):
    """Outputs, features, rows and all labels; float64, so that a wrong formula cannot hide in rounding."""
    rng = np.random.default_rng(3)
    labels = np.eye(3)[rng.integers(0, 3, 12)] if request.param == "classes" else (rng.random((12, 6)) < 0.3) * 1.0
    outputs, features, rows = rng.normal(size=(7, BITS)), rng.normal(size=(7, 4)), rng.permutation(12)[:7]
    return torch.tensor(outputs), torch.tensor(features), torch.tensor(rows), torch.tensor(labels)


def shares(a, b):
    return any(x and y for x, y in zip(a.tolist(), b.tolist(), strict=True))


def dsh_pair(u, v, similar, margin):
    d = sum((a - b) ** 2 for a, b in zip(u.tolist(), v.tolist(), strict=True))
    return d / 2 if similar else max(margin - d, 0) / 2


def dsh_pull(outputs, alpha):
    return alpha * sum(abs(abs(u) - 1) for u in outputs.flatten().tolist()) / outputs.numel()


def test_dsh_against_the_bank(batch):
    outputs, features, rows, labels = batch
    loss = DSHLoss(labels, BITS, margin=2 * BITS, alpha=0.1, pairs="bank")
    bank = torch.zeros(len(labels), BITS, dtype=outputs.dtype)
    for shift in (0.0, 0.3):  # the second call sees the first one's outputs for rows that it does not touch
        rows, outputs = rows.roll(1), outputs + shift
        bank[rows] = outputs
        pairs = [
            dsh_pair(u, bank[j], shares(labels[i], labels[j]), 2 * BITS)
            for u, i in zip(outputs, rows, strict=True)
            for j in range(len(bank))
        ]
        expected = sum(pairs) / len(pairs) + dsh_pull(outputs, 0.1)
        assert loss(outputs, features, rows, 0).item() == pytest.approx(expected)


def test_dsh_inside_the_batch(batch):
    outputs, features, rows, labels = batch
    loss = DSHLoss(labels, BITS, margin=3.0, alpha=0.01, pairs="batch")
    pairs = [
        dsh_pair(outputs[a], outputs[b], shares(labels[rows[a]], labels[rows[b]]), 3.0)
        for a in range(7)
        for b in range(7)
        if a != b
    ]
    expected = sum(pairs) / len(pairs) + dsh_pull(outputs, 0.01)
    assert loss(outputs, features, rows, 0).item() == pytest.approx(expected)


@pytest.mark.parametrize("weighting", ["shared", "jaccard"])
@pytest.mark.parametrize("epoch", [0, 9])
def test_hashnet(batch, weighting, epoch):
    outputs, features, rows, labels = batch
    loss = HashNetLoss(labels, BITS, step=3, weighting=weighting)
    beta = math.sqrt(1 + epoch // 3)
    kinds = {True: [], False: []}
    for a in range(7):
        for b in range(a + 1, 7):
            h, g = ([math.tanh(beta * u) for u in outputs[i].tolist()] for i in (a, b))
            z = 10 / BITS * sum(x * y for x, y in zip(h, g, strict=True))
            similar = shares(labels[rows[a]], labels[rows[b]])
            value = math.log(1 + math.exp(z)) - similar * z
            if similar and weighting == "jaccard":
                x, y = ({k for k, on in enumerate(labels[rows[i]].tolist()) if on} for i in (a, b))
                value *= len(x & y) / len(x | y)
            kinds[similar].append(value)
    expected = sum(sum(some) / len(some) for some in kinds.values())
    assert loss(outputs, features, rows, epoch).item() == pytest.approx(expected)


def test_hashnet_without_similar_pairs_is_finite():
    outputs = torch.randn(3, BITS, requires_grad=True)
    loss = HashNetLoss(torch.eye(3), BITS, step=3, weighting="shared")(outputs, outputs, torch.arange(3), 0)
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(outputs.grad).all()


@pytest.mark.parametrize("n", [6, 7])
def test_bihalf_codes_split_each_bit_at_the_median(n):
    outputs = torch.randn(n, BITS, generator=torch.Generator().manual_seed(n))
    codes = bihalf_codes(outputs)
    for bit in range(BITS):
        column = outputs[:, bit].tolist()
        largest = sorted(range(n), key=lambda i: -column[i])[: n // 2]
        assert codes[:, bit].tolist() == [1 if i in largest else -1 for i in range(n)]


def test_bihalf_loss_and_gradient(batch):
    outputs, features, rows, _ = batch
    outputs.requires_grad_()
    loss = BiHalfLoss(gamma=6.0)(outputs, features, rows, 0)
    codes = bihalf_codes(outputs.detach())

    def cosine(x, y):
        return sum(a * b for a, b in zip(x, y, strict=True)) / math.sqrt(sum(a * a for a in x) * sum(b * b for b in y))

    half = len(outputs) // 2
    terms = [
        (
            cosine(codes[i].tolist(), codes[half + i].tolist())
            - cosine(features[i].tolist(), features[half + i].tolist())
        )
        for i in range(half)
    ]
    pull = 6.0 / 2 * ((outputs - codes) ** 2).mean().item()
    assert loss.item() == pytest.approx(sum(t * t for t in terms) / half + pull)

    # as published: the gradient with respect to the codes, plus gamma * (U - B) / numel
    leaf = codes.clone().requires_grad_()
    a, b = leaf[:half], leaf[half : 2 * half]
    similarity = (a * b).sum(1) / (a.norm(dim=1) * b.norm(dim=1))
    wanted = torch.tensor([cosine(features[i].tolist(), features[half + i].tolist()) for i in range(half)])
    ((similarity - wanted) ** 2).mean().backward()
    loss.backward()
    expected = leaf.grad + 6.0 * (outputs.detach() - codes) / outputs.numel()
    assert torch.allclose(outputs.grad, expected, atol=1e-8)


def test_bihalf_brings_collapsed_bits_back_to_half_and_half():
    generator = torch.Generator().manual_seed(0)
    outputs = (torch.randn(40, BITS, generator=generator) + 4).requires_grad_()  # every bit of every image is 1
    features = torch.randn(40, 4, generator=generator)
    optimizer = torch.optim.Adam([outputs], lr=0.1)
    for _ in range(200):
        optimizer.zero_grad()
        BiHalfLoss(gamma=6.0)(outputs, features, torch.arange(40), 0).backward()
        optimizer.step()
    assert ((outputs > 0).sum(dim=0) == 20).all()
