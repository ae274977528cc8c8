"""The rank histogram: how many database items, and how many relevant ones, lie at each Hamming distance."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class RankHistogram:
    """The whole Hamming ranking of Q queries by codes of `bits` bits.

    Attributes
    ----------
    total : int64 (Q, bits + 1), database items at distance 0..bits
    relevant : int64 (Q, bits + 1), those that share a label with the query
    queries : digest of the queries' codes and labels, "" if unknown; checked when histograms are added

    Raises
    ------
    ValueError
        the tables are not counts, differ in shape, or have more relevant items than items
    """

    total: NDArray[np.int64]
    relevant: NDArray[np.int64]
    queries: str = ""

    def __post_init__(self) -> None:
        for name in ("total", "relevant"):
            table = np.asarray(getattr(self, name))
            if table.ndim != 2 or not np.issubdtype(table.dtype, np.integer):
                raise ValueError(f"{name} is an integer table (queries, bits + 1), got {table.dtype} {table.shape}")
            object.__setattr__(self, name, table.astype(np.int64, copy=False))
        if self.total.shape != self.relevant.shape:
            raise ValueError(f"total {self.total.shape} and relevant {self.relevant.shape} differ in shape")
        if (self.relevant < 0).any() or (self.relevant > self.total).any():
            raise ValueError("relevant counts lie between 0 and the total counts")

    @property
    def bits(self) -> int:
        """Code length."""
        return self.total.shape[1] - 1

    @property
    def items(self) -> int:
        """Size of the database."""
        return int(self.total.sum(axis=1).max(initial=0))

    @property
    def empty(self) -> bool:
        """True if the database is empty."""
        return self.items == 0

    def __add__(self, other: "RankHistogram") -> "RankHistogram":
        """Add the histograms of two shards of one database, ranked for the same queries."""
        if not isinstance(other, RankHistogram):
            return NotImplemented
        if self.total.shape != other.total.shape or self.queries != other.queries:
            raise ValueError("these histograms belong to different queries or code lengths; only shards of one add up")
        return RankHistogram(self.total + other.total, self.relevant + other.relevant, self.queries)
