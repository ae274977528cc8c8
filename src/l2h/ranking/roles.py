"""Rank the database of a split for its queries: all of it, and the part without training images."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from l2h.ranking.by_neighbours import rank_neighbours
from l2h.ranking.counting import Device, rank_histogram
from l2h.ranking.histogram import RankHistogram
from l2h.splits import Split

Ints = NDArray[np.int64]


def rank_split(
    split: Split,
    read_codes: Callable[[Ints], NDArray[np.uint8]],
    bits: int,
    *,
    shard: int = 0,
    shards: int = 1,
    device: Device = "cpu",
) -> tuple[RankHistogram, RankHistogram]:
    """Histograms of the queries against the whole database, and against the database without training images.

    Parameters
    ----------
    read_codes : returns the packed codes, uint8 (n, ceil(bits / 8)), of ids, int64 (n,)
    bits : code length
    shard, shards : rank only this one of `shards` about equal parts of the database; the histograms of all parts add up
        to those of the whole database
    device : see `rank_histogram`
    """
    queries = split.ids("query")
    database = np.array_split(split.ids("database"), shards)[shard]
    codes = read_codes(np.concatenate([queries, database]))
    query_codes, database_codes = codes[: len(queries)], codes[len(queries) :]
    trained = np.isin(database, split.ids("train"))
    unseen = rank_ids(split, queries, database[~trained], query_codes, database_codes[~trained], bits, device)
    return unseen + rank_ids(
        split, queries, database[trained], query_codes, database_codes[trained], bits, device
    ), unseen


def rank_ids(
    split: Split,
    queries: Ints,
    database: Ints,
    query_codes: NDArray[np.uint8],
    database_codes: NDArray[np.uint8],
    bits: int,
    device: Device = "cpu",
) -> RankHistogram:
    """The histogram of some queries of a split against some items, by labels or by neighbours, depending on the split.

    Parameters
    ----------
    queries, database : ids, int64 (Q,) and (N,)
    query_codes, database_codes : theirs, packed, uint8 (Q, ceil(bits / 8)) and (N, ceil(bits / 8))
    bits, device : see `rank_histogram`
    """
    if split.neighbours:
        near = split.neighbour_rows(queries, database)
        return rank_neighbours(query_codes, database_codes, near, bits=bits, device=device)
    labels = split.labels(queries), split.labels(database)
    return rank_histogram(query_codes, database_codes, *labels, bits=bits, device=device)
