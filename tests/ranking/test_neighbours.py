"""The nearest codes against a plain loop."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from l2h import codes
from l2h.ranking import neighbours
from l2h.ranking.neighbours import nearest_neighbours

BITS = st.sampled_from([3, 8, 12, 64, 70, 130])


@given(st.data(), BITS, st.integers(0, 40), st.integers(1, 12))
def test_neighbours_match_a_plain_loop(data, bits, items, k):
    ones = data.draw(arrays(np.int64, items, elements=st.integers(0, 2)))  # many ties
    database = np.arange(bits) < ones[:, None]
    queries = data.draw(arrays(bool, (3, bits)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(neighbours, "BLOCK", 5)
        found, distances = nearest_neighbours(codes.pack(queries), codes.pack(database), k, bits=bits)
    for query, some, of_some in zip(queries, found.tolist(), distances.tolist(), strict=True):
        expected = sorted((int((query != item).sum()), row) for row, item in enumerate(database))[:k]
        assert list(zip(of_some, some, strict=True)) == expected


def test_a_database_of_several_blocks_is_searched_whole():
    """With k so large that numpy's partition leaves the k smallest unsorted; it sorts a few hundred values."""
    k = 3000
    rng = np.random.default_rng(0)
    database, queries = (codes.pack(rng.integers(0, 2, (n, 24))) for n in (2 * neighbours.BLOCK + 1, 2))
    queries[0] = database[-1]
    found, distances = nearest_neighbours(queries, database, k, bits=24)
    expected = np.bitwise_count(queries[:, None] ^ database).sum(axis=2, dtype=np.int64)
    assert np.array_equal(found, np.argsort(expected, axis=1, kind="stable")[:, :k])
    assert np.array_equal(distances, np.sort(expected, axis=1)[:, :k])


def test_padding_bits_are_ignored():
    dirty = np.array([[0b1111_0001], [0b0000_0011]], dtype=np.uint8)
    found, distances = nearest_neighbours(dirty[:1] & 0b1111, dirty, 2, bits=4)
    assert (found.tolist(), distances.tolist()) == ([[0, 1]], [[0, 1]])


def test_codes_of_another_length_are_refused():
    with pytest.raises(ValueError, match="packed codes of 16 bits are uint8 of shape"):
        nearest_neighbours(np.zeros((1, 2), np.uint8), np.zeros((4, 1), np.uint8), 1, bits=16)
