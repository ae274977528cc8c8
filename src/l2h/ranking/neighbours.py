"""Exact nearest neighbours among packed codes, in a deterministic order."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from l2h.ranking.problem import code_words

BLOCK = 2**13  # items compared at a time; their distances fit in the cache


def nearest_neighbours(
    query_codes: ArrayLike, database_codes: ArrayLike, k: int, *, bits: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Find the k codes at the smallest Hamming distance for each query; ties are broken by the order of the database.

    Parameters
    ----------
    query_codes : uint8 (Q, ceil(bits / 8)), packed by `l2h.codes.pack`; padding bits are ignored
    database_codes : uint8 (N, ceil(bits / 8))
    k : at least 1
    bits : code length

    Returns
    -------
    rows of the database, the nearest first, and their distances, both int64 (Q, min(k, N)); the working memory depends
    on N and bits, not on Q x N

    Raises
    ------
    ValueError
        codes are not uint8 of that shape
    """
    queries = code_words(query_codes, bits)
    database = np.ascontiguousarray(code_words(database_codes, bits).T)
    items = database.shape[1]
    k = min(k, items)
    ranked = np.empty((len(queries), k), dtype=np.int64)
    for query, best in zip(queries, ranked, strict=True):
        best[:] = _smallest(query[:, None], database, k)
    distances, rows = np.divmod(ranked, max(1, items))
    return rows, distances


def _smallest(query: NDArray[np.uint64], database: NDArray[np.uint64], k: int) -> NDArray[np.int64]:
    """The k smallest values of distance * items + row, int64 (k,), ascending."""
    items = database.shape[1]
    best, bound = np.empty(0, dtype=np.int64), np.iinfo(np.int64).max
    for start in range(0, items, BLOCK):
        distances = np.bitwise_count(database[:, start : start + BLOCK] ^ query).sum(axis=0, dtype=np.int64)
        near = np.flatnonzero(distances < bound)  # items tied with the k-th come after it
        best = np.concatenate([best, distances[near] * items + start + near])
        if len(best) >= k:
            best = np.partition(best, k - 1)[:k]
            bound = best[-1] // items
    return np.sort(best)
