"""OrthoHash against plain loops over its formula, and known values."""

import math

import pytest
import torch

from losses import cosine, labelled_rows, loss_of, mean, sign, value
from methods import SHARED, defaults, refused


@pytest.mark.parametrize("form", ["cos", "arc"])
def test_loss_is_the_formula(batch, form):
    outputs, features, rows, labels = batch
    loss = loss_of("orthohash", labels, form=form, scale=5.0, margin=0.3, alpha=0.2)
    terms = []
    for u, present in labelled_rows(batch):
        logits = []
        for k, centre in enumerate(loss.centres.tolist()):
            c, margin = cosine(u, centre), 0.3 * (k in present)
            logits.append(5 * (math.cos(math.acos(c) + margin) if form == "arc" else c - margin))
        total = math.log(sum(math.exp(z) for z in logits))
        cross_entropy = mean(total - logits[k] for k in present)
        terms.append(cross_entropy + 0.2 * (1 - cosine(u, [sign(x) for x in u])))
    assert value(loss, outputs, features, rows) == pytest.approx(mean(terms))


@pytest.mark.parametrize(
    ("form", "margin", "u", "present", "expected"),
    [
        ("cos", 0.2, [1, 1], [1, 0], 0.00166018),
        ("cos", 0.3, [1, 1], [1, 0], 0.00369104),
        ("arc", 0.2, [1, 1], [1, 0], 0.000396218),
        ("cos", 0.2, [2, 0], [1, 0], 1.783901),
        ("cos", 0.2, [2, 0], [1, 1], math.log(2)),
    ],
)
def test_known_values_do_not_depend_on_the_length_of_outputs(form, margin, u, present, expected):
    loss = loss_of("orthohash", torch.tensor([present], dtype=torch.float64), bits=2, form=form, margin=margin)
    loss.centres = torch.tensor([[1.0, 1], [1, -1]], dtype=torch.float64)
    assert value(loss, [u]) == pytest.approx(expected, rel=1e-2 if form == "arc" else 1e-5)  # arccos is cut at 1 - 1e-5
    assert value(loss, [[30 * x for x in u]]) == pytest.approx(value(loss, [u]))


def test_defaults_are_those_of_the_results_in_the_docs():
    own = {"centres": "separated", "form": "cos", "scale": 8.0, "margin": 0.2, "alpha": 0.0}
    assert defaults("orthohash") == {**SHARED, **own}


def test_wrong_values_are_one_clear_line():
    refused("orthohash", "form must be cos or arc, got 'sin'", form="sin")
    refused("orthohash", "scale must be a number above 0, got 0", scale=0)
    refused("orthohash", "margin must be from 0 and below 1, got 1", margin=1)
    refused("orthohash", "alpha must be a number from 0, got -1", alpha=-1)
