"""DPN against plain loops over its formula, and known values."""

import pytest
import torch

from losses import labelled_rows, loss_of, mean, value
from methods import SHARED, defaults, refused


def test_loss_is_the_formula(batch):
    outputs, features, rows, labels = batch
    loss = loss_of("dpn", labels, margin=0.7)
    centres = loss.centres.tolist()
    terms = [
        sum(max(0.7 - x * t, 0) for k in present for x, t in zip(u, centres[k], strict=True))
        for u, present in labelled_rows(batch)
    ]
    assert value(loss, outputs, features, rows) == pytest.approx(mean(terms))


def test_known_values_are_reproduced():
    loss = loss_of("dpn", torch.ones(1, 1, dtype=torch.float64), bits=2)
    loss.centres = torch.ones(1, 2, dtype=torch.float64)
    assert [value(loss, [u]) for u in ([0.5, -2], [0, 0], [0.75, 0.75], [2, 2])] == pytest.approx([3.5, 2, 0.5, 0])


def test_labels_that_disagree_on_a_bit_cost_twice_the_margin_and_leave_it_free():
    loss = loss_of("dpn", torch.ones(1, 2, dtype=torch.float64), bits=2)
    loss.centres = torch.tensor([[1.0, 1], [1, -1]], dtype=torch.float64)
    assert [value(loss, [[2, u]]) for u in (-0.9, 0, 0.5, 3)] == pytest.approx([2, 2, 2, 4])


def test_defaults_are_those_of_the_results_in_the_docs():
    assert defaults("dpn") == {**SHARED, "centres": "separated", "margin": 1.0}


def test_wrong_values_are_one_clear_line():
    refused("dpn", "margin must be a number above 0, got 0", margin=0)
