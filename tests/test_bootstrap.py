"""Bootstrap against scipy's, and properties."""

import numpy as np
import pytest
from scipy import stats

from l2h import bootstrap


@pytest.fixture(scope="module")
def values():
    rng = np.random.default_rng(0)
    return rng.beta(2, 1, (200, 3))


def test_intervals_are_those_of_scipy(values):
    low, high = bootstrap.interval(bootstrap.resampled_means(values))
    expected = stats.bootstrap((values,), np.mean, axis=0, method="percentile", n_resamples=9999, rng=1)
    assert low == pytest.approx(expected.confidence_interval.low, abs=0.004)
    assert high == pytest.approx(expected.confidence_interval.high, abs=0.004)


def test_all_columns_see_the_same_queries(values):
    means = bootstrap.resampled_means(np.stack([values[:, 0], values[:, 0] + 0.1], axis=1))
    assert np.allclose(means[:, 1] - means[:, 0], 0.1)
    assert bootstrap.p_value(means[:, 1] - means[:, 0]) == 1 / bootstrap.RESAMPLES


def test_resampled_means_are_means_of_values_that_are_there():
    means = bootstrap.resampled_means(np.array([[0.0], [1.0], [1.0]]))
    assert set(np.round(means[:, 0] * 3, 9)) == {0, 1, 2, 3}
    assert means.mean() == pytest.approx(2 / 3, abs=0.02)


def test_intervals_are_the_same_in_each_run(values):
    rng, n = np.random.default_rng(0), len(values)
    drawn = [rng.multinomial(n, np.full(n, 1 / n)) @ values / n for _ in range(bootstrap.RESAMPLES)]
    assert np.array_equal(bootstrap.resampled_means(values), drawn)


def test_p_of_no_difference_is_one_and_of_a_clear_one_small():
    rng = np.random.default_rng(0)
    assert bootstrap.p_value(np.zeros(50)) == 1
    assert bootstrap.p_value(rng.normal(size=2000)) > 0.9
    assert bootstrap.p_value(rng.normal(2, 1, 2000)) == pytest.approx(2 * stats.norm.sf(2), abs=0.02)


@pytest.mark.parametrize("methods", [2, 5, 11])
def test_methods_of_equal_values_do_not_differ(methods):
    """A product of vector and matrix gives equal columns different last bits."""
    values = np.random.default_rng(0).random((1000, 1))
    means = bootstrap.resampled_means(values.repeat(methods, axis=1))
    assert (means == means[:, :1]).all()
    assert bootstrap.p_value(means[:, 0] - means[:, -1]) == 1
