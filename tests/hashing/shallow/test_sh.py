"""Spectral hashing: the eigenfunctions of a box, and which of them are kept."""

import numpy as np
import pytest

from l2h import hashing
from l2h.errors import L2HError
from methods import defaults


def test_long_axes_get_the_low_frequencies():
    rng = np.random.default_rng(0)
    X = rng.uniform(size=(500, 2)) * [2.5, 1.0]
    sh = hashing.make("sh", bits=4, random_state=0).fit(X)
    assert sh.axis_.tolist() == [0, 0, 1, 0]
    length = np.ptp((X - sh.mean_) @ sh.components_.T, axis=0)
    assert sh.frequency_ == pytest.approx(sorted(np.pi * k / side for side in length for k in range(1, 5))[:4])
    ends = (X - sh.mean_) @ sh.components_.T
    assert sh.decision_function(X)[ends[:, 0].argmin(), 0] == pytest.approx(1)


def test_the_seed_moves_no_more_than_the_last_digits(digits):
    X, _ = digits
    first, other = (hashing.make("sh", bits=12, random_state=seed).fit(X).decision_function(X) for seed in (0, 1))
    assert np.allclose(first, other, atol=1e-9)


@pytest.mark.filterwarnings("ignore:invalid value encountered:RuntimeWarning")
def test_equal_features_have_no_axis():
    with pytest.raises(L2HError, match="SH needs features that vary; all training samples are equal"):
        hashing.make("sh", bits=4).fit(np.ones((6, 3)))


def test_defaults_are_those_of_the_results_in_the_docs():
    assert defaults("sh") == {"bits": 32, "random_state": None}
