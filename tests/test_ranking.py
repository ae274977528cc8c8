"""Rank histograms against loops over unpacked bits, and the symmetries that any ranking has."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from l2h import codes
from l2h.ranking import RankHistogram, rank_histogram


def brute_force(query, database, query_labels, database_labels):
    total = np.zeros((len(query), query.shape[1] + 1), dtype=int)
    relevant = np.zeros_like(total)
    for i, q in enumerate(query):
        for j, d in enumerate(database):
            distance = sum(a != b for a, b in zip(q, d, strict=True))
            total[i, distance] += 1
            if np.ndim(query_labels) == 1:
                shared = query_labels[i] == database_labels[j]
            else:
                shared = any(a and b for a, b in zip(query_labels[i], database_labels[j], strict=True))
            relevant[i, distance] += shared
    return total, relevant


@st.composite
def problems(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    bits, n_query, n_database = draw(st.integers(1, 140)), draw(st.integers(1, 4)), draw(st.integers(0, 12))
    query, database = rng.random((n_query, bits)) < 0.5, rng.random((n_database, bits)) < 0.5
    if draw(st.booleans()):
        return query, database, rng.integers(0, 3, n_query), rng.integers(0, 3, n_database)
    width = draw(st.integers(1, 90))
    return query, database, rng.random((n_query, width)) < 0.1, rng.random((n_database, width)) < 0.1


def histogram(query, database, query_labels, database_labels):
    return rank_histogram(codes.pack(query), codes.pack(database), query_labels, database_labels, bits=query.shape[1])


def same(a: RankHistogram, b: RankHistogram) -> bool:
    return np.array_equal(a.total, b.total) and np.array_equal(a.relevant, b.relevant)


@given(problems())
def test_equals_brute_force(problem):
    h = histogram(*problem)
    total, relevant = brute_force(*problem)
    assert h.total.dtype == h.relevant.dtype == np.int64
    assert np.array_equal(h.total, total)
    assert np.array_equal(h.relevant, relevant)


@given(problems(), st.integers(0, 12))
def test_shards_add_up(problem, cut):
    query, database, query_labels, database_labels = problem
    a = histogram(query, database[:cut], query_labels, database_labels[:cut])
    b = histogram(query, database[cut:], query_labels, database_labels[cut:])
    assert same(a + b, histogram(*problem))


@given(problems(), st.randoms(use_true_random=False))
def test_order_complement_and_padding_do_not_matter(problem, random):
    query, database, query_labels, database_labels = problem
    expected = histogram(*problem)
    order = list(range(len(database)))
    random.shuffle(order)
    assert same(histogram(query, database[order], query_labels, database_labels[order]), expected)
    assert same(histogram(~query, ~database, query_labels, database_labels), expected)
    bits = query.shape[1]
    if bits % 8:
        dirty = codes.pack(database)
        dirty[:, -1] |= 0xFF << bits % 8 & 0xFF
        assert same(rank_histogram(codes.pack(query), dirty, query_labels, database_labels, bits=bits), expected)


def test_distance_is_hamming_and_not_an_inner_product_of_zeros_and_ones():
    # The widely copied 0.5 * (bits - a.b) on {0, 1} codes ranks 1111 above 0000 for the query 1000.
    query, database = np.array([[1, 0, 0, 0]]), np.array([[1, 1, 1, 1], [0, 0, 0, 0]])
    h = histogram(query.astype(bool), database.astype(bool), np.array([1]), np.array([0, 1]))
    assert h.total.tolist() == [[0, 1, 0, 1, 0]]
    assert h.relevant.tolist() == [[0, 1, 0, 0, 0]]


def test_addition_refuses_other_queries_and_other_lengths():
    rng = np.random.default_rng(0)
    labels = np.zeros(3, int)
    one, other = (histogram(rng.random((3, 9)) < 0.5, rng.random((3, 9)) < 0.5, labels, labels) for _ in range(2))
    with pytest.raises(ValueError, match="different queries"):
        one + other
    with pytest.raises(ValueError, match="different queries"):
        one + RankHistogram(one.total[:, 1:], one.relevant[:, 1:], one.queries)
    with pytest.raises(TypeError):
        one + 1


def test_mistakes_are_named():
    packed = codes.pack(np.zeros((2, 8), bool))
    with pytest.raises(ValueError, match="packed codes of 16 bits"):
        rank_histogram(packed, packed, [0, 0], [0, 0], bits=16)
    with pytest.raises(ValueError, match="2 database codes but 3 database labels"):
        rank_histogram(packed, packed, np.zeros(2, int), np.zeros(3, int), bits=8)
    with pytest.raises(ValueError, match="multi-hot of one width"):
        rank_histogram(packed, packed, np.zeros((2, 3), bool), np.zeros((2, 4), bool), bits=8)
    with pytest.raises(ValueError, match="class labels are integers"):
        rank_histogram(packed, packed, np.zeros(2), np.zeros(2), bits=8)
    with pytest.raises(ValueError, match="between 0 and the total"):
        RankHistogram(np.array([[1, 0]]), np.array([[2, 0]]))
    with pytest.raises(ValueError, match="differ in shape"):
        RankHistogram(np.array([[1, 0]]), np.array([[1]]))
    with pytest.raises(ValueError, match="integer table"):
        RankHistogram(np.array([[1.0]]), np.array([[1.0]]))
