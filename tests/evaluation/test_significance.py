"""Intervals and tests against scipy, closed forms and simulation."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from l2h.evaluation import power, significance
from l2h.evaluation.significance import Trainings


def table(rng, S, Q, trainings=0.0, queries=0.1, rest=0.05, mean=0.7):
    """Average precisions by the model, with these standard deviations."""
    return mean + rng.normal(0, trainings, (S, 1)) + rng.normal(0, queries, Q) + rng.normal(0, rest, (S, Q))


def test_the_interval_of_one_training_is_student_s_t():
    values = np.random.default_rng(0).beta(8, 2, (1, 50))
    found = significance.mean(Trainings(values))
    low, high = stats.t.interval(0.95, 49, values.mean(), stats.sem(values[0]))
    assert (found.low, found.high) == pytest.approx((low, high))
    assert found.interval == "queries, for this training"


def test_deterministic_methods_are_tested_by_the_paired_t_test():
    one, other = np.random.default_rng(0).beta(8, 2, (2, 50))
    found = significance.difference(Trainings(one[None], True), Trainings(other[None], True))
    expected = stats.ttest_rel(one, other)
    interval = expected.confidence_interval()
    assert (found.value, found.p) == pytest.approx((one.mean() - other.mean(), expected.pvalue))
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))
    assert found.interval == "queries"


def test_without_variance_of_queries_the_test_is_welch_s():
    """All queries have the same effect, so only the means of the trainings vary."""
    rng = np.random.default_rng(0)
    query = rng.normal(0.7, 0.1, 200)
    one, other = (query + rng.normal(0, spread, (5, 1)) for spread in (0.01, 0.03))
    found = significance.difference(Trainings(one), Trainings(other))
    expected = stats.ttest_ind(one.mean(axis=1), other.mean(axis=1), equal_var=False)
    assert found.p == pytest.approx(expected.pvalue, rel=1e-6)


def test_a_random_method_trained_once_is_not_tested():
    rng = np.random.default_rng(0)
    once, again, twice = (Trainings(table(rng, S, 50)) for S in (1, 1, 2))
    fixed = Trainings(table(rng, 1, 50), True)
    for pair in ((once, again), (once, twice), (fixed, once)):
        found = significance.difference(*pair)
        assert np.isnan(found.p)
        assert found.low < found.value < found.high
        assert found.interval == "queries, for this training"
    assert significance.difference(twice, fixed).interval == "queries and trainings"


def test_equal_rankings_do_not_differ():
    values = np.random.default_rng(0).random((3, 50))
    found = significance.difference(Trainings(values), Trainings(values.copy()))
    assert (found.value, found.low, found.high, found.p) == (0, 0, 0, 1)
    assert np.isnan(significance.difference(Trainings(values[:1]), Trainings(values[:1])).p)


@pytest.mark.parametrize(
    ("by_query", "why"),
    [
        (np.linspace(0, 1, 19), "19 queries, 20 needed"),
        (np.ones(100), "all 100 queries have the same value"),
        (np.r_[np.ones(95), np.linspace(0.5, 0.9, 5)], "100 queries, about 413 needed as their values are skewed"),
        (np.linspace(0, 1, 20), ""),
        (np.r_[np.ones(380), np.linspace(0.5, 0.9, 20)], ""),
    ],
)
def test_few_or_skewed_queries_have_no_interval(by_query, why):
    assert significance.too_few(by_query) == why
    found = significance.mean(Trainings(by_query[None]))
    assert np.isnan([found.low, found.high]).all() == bool(why)
    assert found.interval == (f"none: {why}" if why else "queries, for this training")


def rejected(rng, draw: Callable[[], tuple[Trainings, Trainings]], times=600) -> float:
    return np.mean([significance.difference(*draw()).p < 0.05 for _ in range(times)])


@pytest.mark.parametrize("S", [3, 5])
@pytest.mark.parametrize("trainings", [0.0, 0.01])
def test_equal_methods_differ_in_5_percent_of_the_tests(S, trainings):
    """Both have the same mean over queries and trainings; 600 draws give 3.2 to 7.0 with a probability of 95 %."""
    rng = np.random.default_rng(0)

    def draw():
        query = rng.normal(0.7, 0.15, 100)
        return tuple(Trainings(query + table(rng, S, 100, trainings, mean=0)) for _ in range(2))

    assert 0.025 < rejected(rng, draw) < 0.075


def test_variance_components_are_recovered():
    values = table(np.random.default_rng(0), 400, 400, trainings=0.03, queries=0.1, rest=0.05)
    found = significance.components(Trainings(values))
    assert found.trainings**0.5 == pytest.approx(0.03, rel=0.1)
    assert found.queries**0.5 == pytest.approx(0.1, rel=0.1)
    assert found.rest**0.5 == pytest.approx(0.05, rel=0.02)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_follows_its_definition(p):
    """Step down: the smallest p times n, the next times n - 1, never below the one before, at most 1."""
    expected, below = {}, 0.0
    for rank, index in enumerate(sorted(range(len(p)), key=lambda index: p[index])):
        below = expected[index] = max(below, min(1.0, (len(p) - rank) * p[index]))
    assert significance.holm(p) == pytest.approx([expected[index] for index in range(len(p))])


def test_holm_ignores_untested_pairs():
    assert significance.holm([0.01, np.nan, 0.04]) == pytest.approx([0.02, np.nan, 0.04], nan_ok=True)


def test_predicted_power_matches_the_test():
    of = power.Spread((1e-4, 1e-4), (0.0025, 0.0025), 0.005)
    difference = power.detectable(of, 5, 100)
    assert power.power(difference, of, 5, 100) == pytest.approx(0.8, abs=1e-3)
    rng = np.random.default_rng(0)

    def draw():
        of_query = rng.normal(0, 0.005**0.5, 100)
        return tuple(
            Trainings(shift + table(rng, 5, 100, trainings=0.01, queries=0, rest=0.05))
            for shift in (of_query + difference, np.zeros(100))
        )

    assert rejected(rng, draw) == pytest.approx(0.8, abs=0.05)


def test_the_estimated_spread_matches_the_model():
    rng = np.random.default_rng(0)
    of_query = rng.normal(0, 0.1, 500)
    one = Trainings(of_query + table(rng, 100, 500, trainings=0.03, queries=0))
    found = power.spread(one, Trainings(np.full((1, 500), 0.5), True))
    assert found.trainings[0] ** 0.5 == pytest.approx(0.03, rel=0.2)
    assert found.rest[0] ** 0.5 == pytest.approx(0.05, rel=0.02)
    assert found.queries**0.5 == pytest.approx(0.1, rel=0.1)


def test_needed_queries_and_trainings_suffice():
    of = power.Spread((1e-5, 1e-5), (0.0025, 0.0025), 0.01)
    queries, trainings = power.queries_for(0.02, of, 5), power.trainings_for(0.016, of, 500)
    assert power.power(0.02, of, 5, queries) >= 0.8 > power.power(0.02, of, 5, round(queries / 1.11))
    assert power.power(0.016, of, trainings, 500) >= 0.8 > power.power(0.016, of, trainings - 1, 500)
    assert power.trainings_for(0.001, of, 500) is None  # the queries alone vary more
    assert power.queries_for(0.001, of, 5) is None
