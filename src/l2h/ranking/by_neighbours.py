"""Rank histograms of queries that each have a list of relevant items, such as their nearest neighbours."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from l2h.ranking.counting import Device, rank_histogram
from l2h.ranking.histogram import RankHistogram

Ints = NDArray[np.int64]


def rank_neighbours(
    query_codes: NDArray[np.uint8],
    database_codes: NDArray[np.uint8],
    neighbours: Sequence[Ints],
    *,
    bits: int,
    device: Device = "cpu",
) -> RankHistogram:
    """Rank histograms of queries that each have a list of relevant items.

    Parameters
    ----------
    query_codes, database_codes : uint8 (Q, bytes) and (N, bytes), packed, padding bits 0
    neighbours : for each query the rows of the database that are relevant to it, each once
    bits : code length
    device : see `l2h.ranking.rank_histogram`
    """
    one_class = np.zeros(len(query_codes), int), np.zeros(len(database_codes), int)
    total = rank_histogram(query_codes, database_codes, *one_class, bits=bits, device=device)
    relevant = np.zeros_like(total.total)
    for row, own in enumerate(neighbours):
        distances = np.bitwise_count(database_codes[own] ^ query_codes[row]).sum(axis=1, dtype=np.int64)
        relevant[row] = np.bincount(distances, minlength=bits + 1)
    return RankHistogram(total.total, relevant, total.queries)
