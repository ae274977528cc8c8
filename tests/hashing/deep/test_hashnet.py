"""HashNet against plain loops over its formula, and the slope at short codes."""

import math

import pytest

from losses import BITS, loss_of, mean, shares, softplus, value
from methods import SHARED, defaults, precision, quick, refused


@pytest.mark.parametrize("weighting", ["shared", "jaccard"])
@pytest.mark.parametrize("epoch", [0, 9])
def test_loss_is_the_formula(batch, weighting, epoch):
    outputs, features, rows, labels = batch
    beta = math.sqrt(1 + epoch // 3)
    kinds = {True: [], False: []}
    for a in range(7):
        for b in range(a + 1, 7):
            h, g = ([math.tanh(beta * u) for u in outputs[i].tolist()] for i in (a, b))
            z = 10 / BITS * sum(x * y for x, y in zip(h, g, strict=True))
            similar = shares(labels[rows[a]], labels[rows[b]])
            loss = softplus(z) - similar * z
            if similar and weighting == "jaccard":
                x, y = ({k for k, on in enumerate(labels[rows[i]].tolist()) if on} for i in (a, b))
                loss *= len(x & y) / len(x | y)
            kinds[similar].append(loss)
    found = value(loss_of("hashnet", labels, step=3, weighting=weighting), outputs, features, rows, epoch)
    assert found == pytest.approx(sum(map(mean, kinds.values())))


def test_the_slope_of_widely_copied_code_learns_less_at_8_bits(digits):
    X, y = digits

    def of_slope(**params):
        hasher = quick("hashnet", bits=8, lr=1e-2, epochs=8, scope="mlp", hidden=32, **params).fit(X[:600], y[:600])
        return precision(hasher, X, y, database=slice(600, 800), queries=slice(800, 1000))

    assert of_slope() > of_slope(alpha=0.1) + 0.1


def test_8_bits_are_enough_for_digits(digits):
    """With 0.1 in place of 10 / bits, as widely copied, the loss of 8 bits can hardly fall, and mAP stays near 0.4."""
    X, y = digits
    hasher = quick("hashnet", bits=8, lr=1e-2, epochs=30, scope="mlp", hidden=64).fit(X[:1000], y[:1000])
    assert precision(hasher, X, y) > 0.8


def test_defaults_are_those_of_the_results_in_the_docs():
    assert defaults("hashnet") == {**SHARED, "alpha": None, "step": 10, "weighting": "shared"}


def test_wrong_values_are_one_clear_line():
    refused("hashnet", r"alpha must be null \(10 / bits\) or a number above 0, got 0", alpha=0)
    refused("hashnet", "step must be a positive integer, got 0", step=0)
    refused("hashnet", "weighting must be shared or jaccard, got 'all'", weighting="all")
