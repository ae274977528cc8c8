"""The audit's evaluation bugs against small cases and plain loops."""

import numpy as np
import pytest

from l2h.evaluation.audit import audit, sorted_map


def scores_of(*codes):
    return np.array([[1.0 if bit == "1" else -1.0 for bit in code] for code in codes], np.float32)


def test_sorting_matches_plain_loops():
    rng = np.random.default_rng(0)
    distance, relevant, order = rng.integers(0, 4, (6, 15)), rng.random((6, 15)) < 0.4, rng.permutation(15)
    relevant[2] = False
    expected = []
    for row, right in zip(distance, relevant, strict=True):
        ranked = sorted(order.tolist(), key=lambda item, row=row: row[item])  # stable
        hits = [place for place, item in enumerate(ranked, 1) if right[item]]
        expected.append(sum(i / place for i, place in enumerate(hits, 1)) / max(len(hits), 1))
    assert sorted_map(distance, relevant, order) == pytest.approx(np.mean(expected))


def test_the_dot_product_of_zeros_and_ones_prefers_1111_to_0000():
    """From the query 1000, 1111 is at distance 3 and 0000 at 1; the bug reverses their order."""
    rows = audit(scores_of("1000"), scores_of("1111", "0000"), np.array([[False, True]]))
    assert rows[0]["right"] == 1
    assert rows[0]["printed"] == 0.5


def test_ties_are_broken_by_the_order_of_the_database():
    rows = audit(scores_of("10"), scores_of("10", "10", "10"), np.array([[False, True, False]]), np.array([1, 0, 1]))
    assert [row["printed"] for row in rows[1:3]] == [1, pytest.approx(1 / 3)]
    assert rows[1]["right"] == pytest.approx((1 + 1 / 2 + 1 / 3) / 3)


def test_real_values_rank_differently_from_signs():
    query, database = np.array([[0.1, 2.0]]), np.array([[-3.0, 0.1], [3.0, 0.1]])
    rows = audit(query, database, np.array([[False, True]]), np.array([1, 0]))
    assert rows[3]["printed"] == rows[3]["right"] == 1
    rows = audit(query, database * [[-1, 1], [1, -1]], np.array([[False, True]]), np.array([1, 0]))
    assert rows[3]["printed"] == 0.5
    assert rows[3]["right"] == pytest.approx(0.5)
