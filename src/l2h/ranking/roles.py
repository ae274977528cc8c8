"""Rank a split: its queries against its database, all of it and the part that no method has seen."""

import numpy as np
from numpy.typing import NDArray

from l2h.errors import L2HError
from l2h.ids import find
from l2h.ranking.counting import rank_histogram
from l2h.ranking.histogram import RankHistogram
from l2h.splits import Split


def rank_split(
    split: Split, ids: NDArray[np.int64], codes: NDArray[np.uint8], bits: int
) -> tuple[RankHistogram, RankHistogram]:
    """Histograms of the queries against the whole database, and against the database without training images.

    Parameters
    ----------
    ids : int64 (n,), in any order; those of the split must be among them
    codes : uint8 (n, ceil(bits / 8)), packed

    Raises
    ------
    L2HError
        an image of the split has no code
    """

    def codes_of(wanted: NDArray[np.int64]) -> NDArray[np.uint8]:
        rows, found = find(wanted, ids)
        if not found.all():
            raise L2HError(f"{(~found).sum()} images of the split have no code, ids {wanted[~found][:5].tolist()} ...")
        return codes[rows]

    queries = split.ids("query")

    def rank(database: NDArray[np.int64]) -> RankHistogram:
        labels = split.labels(queries), split.labels(database)
        return rank_histogram(codes_of(queries), codes_of(database), *labels, bits=bits)

    database = split.ids("database")
    trained = np.isin(database, split.ids("train"))
    unseen = rank(database[~trained])
    return unseen + rank(database[trained]), unseen
