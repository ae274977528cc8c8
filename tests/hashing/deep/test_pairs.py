"""The likelihood that DPSH and DHN share, against plain loops over its formula, and its known values."""

import math

import pytest
import torch

from losses import BITS, loss_of, mean, shares, sign, softplus, value

PULLS = {
    "dpsh": lambda u: (u - sign(u)) ** 2,
    "dhn": lambda u: math.log(math.cosh(abs(u) - 1)),
}
SAME, DIFFERENT = torch.ones(2, 1, dtype=torch.float64), torch.eye(2, dtype=torch.float64)


@pytest.mark.parametrize("balanced", [False, True])
@pytest.mark.parametrize("pairs", ["batch", "bank", "zero_bank"])
@pytest.mark.parametrize("name", PULLS)
def test_loss_is_the_formula(batch, name, pairs, balanced):
    outputs, features, rows, labels = batch
    loss = loss_of(name, labels, pairs=pairs, balanced=balanced, alpha=0.3)
    bank = {j: [0.0] * BITS for j in range(len(labels))} if pairs == "zero_bank" else {}
    for shift in (0.0, 0.3):  # the second call sees the first one's outputs for rows that it does not touch
        rows, outputs = rows[1:].roll(1), outputs[1:] + shift
        seen = dict(zip(rows.tolist(), outputs.tolist(), strict=True))
        bank = seen if pairs == "batch" else {**bank, **seen}
        kinds = {True: [], False: []}
        for i, u in seen.items():
            for j, v in bank.items():
                if i != j or pairs == "zero_bank":
                    theta = sum(a * b for a, b in zip(u, v, strict=True)) / 2
                    similar = shares(labels[i], labels[j])
                    kinds[similar].append(softplus(theta) - similar * theta)
        likelihood = sum(map(mean, filter(None, kinds.values()))) if balanced else mean(kinds[True] + kinds[False])
        expected = likelihood + 0.3 * mean(PULLS[name](x) for u in seen.values() for x in u)
        assert value(loss, outputs, features, rows) == pytest.approx(expected)


@pytest.mark.parametrize("name", PULLS)
def test_known_values_are_reproduced(name):
    ones = [[1, 1], [1, 1]]  # no pull, and theta = 1
    assert value(loss_of(name, SAME, bits=2, pairs="batch"), ones) == pytest.approx(0.313262, abs=1e-6)
    assert value(loss_of(name, DIFFERENT, bits=2, pairs="batch"), ones) == pytest.approx(1.313262, abs=1e-6)
    far = loss_of(name, SAME, bits=2, pairs="batch", alpha=0.0)
    assert value(far, [[2, 0], [2, 0]]) == pytest.approx(0.126928, abs=1e-6)
    unseen = loss_of(name, torch.ones(101, 1, dtype=torch.float64), bits=2, pairs="zero_bank", alpha=0.0)
    expected = (100 * math.log(2) + 0.313262) / 101
    assert value(unseen, [[1, 1]], rows=torch.tensor([0])) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(("pairs", "share"), [("bank", 1), ("batch", 2)])
def test_the_gradient_of_a_pair_is_known_and_the_bank_has_none(pairs, share):
    """Of the two ordered pairs, an output stands on both sides in the batch, and on one side of a bank."""
    outputs = torch.tensor([[0.3, -2.0], [1.5, 0.7]], dtype=torch.float64, requires_grad=True)
    loss_of("dpsh", SAME, bits=2, alpha=0.0, pairs=pairs)(outputs, None, torch.arange(2), 0).backward()
    theta = (0.3 * 1.5 - 2.0 * 0.7) / 2
    slope = (1 / (1 + math.exp(-theta)) - 1) / 2
    assert outputs.grad[0].tolist() == pytest.approx([slope * 1.5 * share / 2, slope * 0.7 * share / 2])


@pytest.mark.parametrize("name", PULLS)
def test_the_likelihood_does_not_change_under_a_rotation_of_outputs(name, batch):
    outputs, features, rows, labels = batch
    rotation, _ = torch.linalg.qr(torch.randn(BITS, BITS, dtype=torch.float64))
    first, turned = (
        value(loss_of(name, labels, alpha=0.0), some, features, rows) for some in (outputs, outputs @ rotation)
    )
    assert turned == pytest.approx(first)
