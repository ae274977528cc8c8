"""Rank a split: its queries against its database, all of it and the part that no method has seen."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

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
    read_codes : gives the packed codes, uint8 (n, ceil(bits / 8)), of ids, int64 (n,)
    bits : code length
    shard, shards : rank one of so many about equal parts of the database; the histograms of all parts add up to those
        of the whole
    device : see `rank_histogram`
    """
    queries = split.ids("query")
    database = np.array_split(split.ids("database"), shards)[shard]
    codes = read_codes(np.concatenate([queries, database]))
    query_codes, database_codes = codes[: len(queries)], codes[len(queries) :]
    query_labels, database_labels = split.labels(queries), split.labels(database)

    def rank(rows: NDArray[np.bool_]) -> RankHistogram:
        return rank_histogram(
            query_codes, database_codes[rows], query_labels, database_labels[rows], bits=bits, device=device
        )

    trained = np.isin(database, split.ids("train"))
    unseen = rank(~trained)
    return unseen + rank(trained), unseen
