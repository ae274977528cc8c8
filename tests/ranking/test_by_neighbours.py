"""Nearest neighbours against a sort of all distances, and histograms of neighbours against those of labels."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from l2h import codes, hashing, splits
from l2h.exact_search import nearest_neighbours
from l2h.ranking import rank_histogram
from l2h.ranking.by_neighbours import rank_neighbours
from l2h.ranking.roles import rank_split
from l2h.ranking.scores import rank_by_scores


def batches(features, size):
    return ((np.arange(start, min(start + size, len(features))), features[start : start + size])
            for start in range(0, len(features), size))  # fmt: skip


@pytest.mark.parametrize("distance", ["cosine", "l2"])
@pytest.mark.parametrize("size", [1, 7, 100])
def test_neighbours_match_a_sort(distance, size):
    rng = np.random.default_rng(0)
    features, queries = rng.normal(size=(60, 5)), rng.normal(size=(4, 5))
    database = np.arange(10, 60)  # the first ten are not searched
    if distance == "l2":
        nearness = -((queries[:, None] - features[None, 10:]) ** 2).sum(axis=2)
    else:
        units = [some / np.linalg.norm(some, axis=1, keepdims=True) for some in (queries, features[10:])]
        nearness = units[0] @ units[1].T
    expected = database[np.argsort(-nearness, axis=1)[:, :8]]
    found = nearest_neighbours(distance, queries, batches(features, size), database, 8)
    assert np.array_equal(found, expected)
    assert nearest_neighbours(distance, queries, batches(features, size), database, 99).shape == (4, 50)


def test_ties_of_neighbours_are_broken_by_the_smallest_id():
    features = np.repeat([[1.0, 0.0], [0.0, 1.0]], 10, axis=0)
    queries = np.array([[0.0, 1.0]])
    for size in (3, 20):
        found = nearest_neighbours("l2", queries, batches(features, size), np.arange(20), 12)
        assert found.tolist() == [[*range(10, 20), 0, 1]]


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 20), st.integers(0, 2**32 - 1))
def test_histograms_by_neighbours_match_those_by_labels(bits, seed):
    """An item's labels are the queries that it is a neighbour of."""
    rng = np.random.default_rng(seed)
    query, database = (codes.pack(rng.random((n, bits)) < 0.5) for n in (5, 40))
    relevant = rng.random((5, 40)) < 0.3
    one = rank_neighbours(query, database, [np.flatnonzero(row) for row in relevant], bits=bits)
    other = rank_histogram(query, database, np.eye(5, dtype=bool), relevant.T, bits=bits)
    assert np.array_equal(one.total, other.total)
    assert np.array_equal(one.relevant, other.relevant)


@pytest.fixture
def split():
    """Ten queries, of which each has three neighbours among forty items; ten of these are trained on."""
    hashes = pa.array([bytes([number] * 32) for number in range(50)], pa.binary(32))
    labels = pa.array([[]] * 50, pa.list_(pa.int32()))
    manifest = pa.table({"id": np.arange(50), "image_sha256": hashes, "labels": labels})
    dealt = splits.make_split(manifest, "p", splits.Protocol(10, 10), 0, relevance="neighbours")
    rng = np.random.default_rng(1)
    near = np.stack([rng.permutation(dealt.ids("database"))[:3] for _ in range(10)])
    return splits.with_neighbours(dealt, near), near


def test_a_split_by_neighbours_is_ranked_by_codes(split):
    split, near = split
    everything = codes.pack(np.random.default_rng(2).random((50, 12)) < 0.5)
    whole, unseen = rank_split(split, lambda ids: everything[ids], 12)
    parts = [rank_split(split, lambda ids: everything[ids], 12, shard=part, shards=2) for part in (0, 1)]
    for row, (query, own) in enumerate(zip(split.ids("query"), near, strict=True)):
        for histogram, searched in ((whole, own), (unseen, np.setdiff1d(own, split.ids("train")))):
            distances = np.bitwise_count(everything[searched] ^ everything[query]).sum(axis=1)
            assert histogram.relevant[row].tolist() == np.bincount(distances, minlength=13).tolist()
    assert whole.items == 40
    assert unseen.items == 30
    assert np.array_equal((parts[0][0] + parts[1][0]).relevant, whole.relevant)


def test_exact_search_ranks_the_neighbours_first(split):
    split, _ = split
    features = np.random.default_rng(3).normal(size=(50, 6))
    scorer = hashing.make("cosine", bits=0).fit(features)
    queries = features[split.ids("query")]
    near = nearest_neighbours("cosine", queries, batches(features, 9), split.ids("database"), 7)
    whole, _ = rank_by_scores(scorer, splits.with_neighbours(split, near), queries, lambda: batches(features, 9))
    assert whole.first(7).all()
    assert (whole.relevant_items == 7).all()
