"""DHN's own part, the smooth pull to the nearest sign; its likelihood is tested in test_pairs."""

import pytest
import torch

from losses import loss_of, value
from methods import SHARED, defaults, refused


def test_known_values_of_the_pull_are_reproduced():
    same = torch.ones(2, 1, dtype=torch.float64)
    for outputs, pull in (
        ([[0.5, -0.5]] * 2, 0.120115),
        ([[0, 0]] * 2, 0.433781),
        ([[1e4, -1e4]] * 2, 9999 - 0.693147),
    ):
        with_pull, without = (value(loss_of("dhn", same, bits=2, alpha=alpha), outputs) for alpha in (1.0, 0.0))
        assert with_pull - without == pytest.approx(pull, abs=1e-6)


def test_defaults_are_those_of_the_results_in_the_docs():
    own = {"epochs": 60, "alpha": 0.1, "pairs": "batch", "balanced": False}
    assert defaults("dhn") == {**SHARED, **own}


def test_wrong_values_are_one_clear_line():
    refused("dhn", "balanced must be true or false, got 1", balanced=1)
