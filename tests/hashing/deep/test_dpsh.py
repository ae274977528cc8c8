"""DPSH's own part, the pull to the nearest sign; its likelihood is tested in test_pairs."""

import pytest
import torch

from losses import loss_of, value
from methods import SHARED, defaults, refused


def test_known_values_of_the_pull_are_reproduced():
    same = torch.ones(2, 1, dtype=torch.float64)
    for outputs, pull in (([[0.5, -0.5]] * 2, 0.25), ([[0, 0]] * 2, 1), ([[3, -1]] * 2, 2)):
        with_pull, without = (value(loss_of("dpsh", same, bits=2, alpha=alpha), outputs) for alpha in (1.0, 0.0))
        assert with_pull - without == pytest.approx(pull)


def test_defaults_are_those_of_the_results_in_the_docs():
    assert defaults("dpsh") == {**SHARED, "alpha": 0.1, "pairs": "bank", "balanced": False}


def test_wrong_values_are_one_clear_line():
    refused("dpsh", "pairs must be one of bank, zero_bank, batch, got 'all'", pairs="all")
    refused("dpsh", "alpha must be a number from 0, got 'x'", alpha="x")
