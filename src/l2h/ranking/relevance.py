"""Rankings by real-valued scores: for each query, one bit per item in rank order that marks relevant items."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from l2h.ranking.histogram import RankHistogram

BLOCK = 2**22  # items unpacked at a time


@dataclass(frozen=True, eq=False)
class RankedRelevance:
    """The whole ranking of `items` database items for each of Q queries, the nearest first.

    Attributes
    ----------
    relevant : uint8 (Q, ceil(items / 8)), packed by `l2h.codes.pack`: the item shares a label with the query
    tied : the same shape: the item scores the same as the one before it. Product quantisation at 8 bits has only 256
        scores; without this, the order of the database would decide
    items : size of the database

    Raises
    ------
    ValueError
        the arrays are not packed bits of `items` items
    """

    relevant: NDArray[np.uint8]
    tied: NDArray[np.uint8]
    items: int

    def __post_init__(self) -> None:
        for name in ("relevant", "tied"):
            packed = getattr(self, name)
            if packed.dtype != np.uint8 or packed.ndim != 2 or packed.shape[1] != -(-self.items // 8):
                raise ValueError(
                    f"{name} is uint8 of shape (queries, {-(-self.items // 8)}), got {packed.dtype} {packed.shape}"
                )
        if self.relevant.shape != self.tied.shape:
            raise ValueError(f"relevant {self.relevant.shape} and tied {self.tied.shape} differ in shape")
        if self.items and (self.tied[:, 0] & 1).any():
            raise ValueError("the first item cannot be tied with a previous one")
        padding = 0xFF << (self.items % 8 or 8) & 0xFF
        if self.items and ((self.relevant[:, -1] | self.tied[:, -1]) & padding).any():
            raise ValueError(f"bits beyond the {self.items} items are set")

    @property
    def empty(self) -> bool:
        """True if the database is empty."""
        return self.items == 0

    @property
    def has_ties(self) -> NDArray[np.bool_]:
        """Whether any items of each query's ranking are tied, (Q,)."""
        return np.asarray(self.tied.any(axis=1))

    @property
    def relevant_items(self) -> NDArray[np.int64]:
        """Number of items relevant to each query, (Q,)."""
        return np.bitwise_count(self.relevant).sum(axis=1, dtype=np.int64)

    def __getitem__(self, queries: NDArray) -> "RankedRelevance":
        """The rankings of some queries."""
        return RankedRelevance(self.relevant[queries], self.tied[queries], self.items)

    def blocks(self) -> Iterator[tuple[NDArray[np.intp], "RankedRelevance"]]:
        """Yield row numbers and rankings of a few queries at a time, so that their unpacked items fit in memory."""
        size = max(1, BLOCK // max(1, self.items))
        for start in range(0, len(self.relevant), size):
            rows = np.arange(start, min(start + size, len(self.relevant)))
            yield rows, self[rows]

    def first(self, k: int) -> NDArray[np.bool_]:
        """Whether each of the first k items is relevant, bool (Q, min(k, items))."""
        return _unpack(self.relevant, min(k, self.items))

    def histogram(self, k: int | None = None) -> RankHistogram:
        """The same ranking as groups of items whose order does not matter.

        A group is a set of tied items, or a run of items that are all relevant or all irrelevant. Beyond the group
        that k falls into, all items are one group.
        """
        k = self.items if k is None else min(max(k, 1), self.items)
        end = self._end_of_group(k)
        relevant, tied = _unpack(self.relevant, end), _unpack(self.tied, end)
        in_ties = tied.copy()
        in_ties[:, :-1] |= tied[:, 1:]
        joins = tied.copy()
        run = (relevant[:, 1:] == relevant[:, :-1]) & ~in_ties[:, 1:] & ~in_ties[:, :-1]
        joins[:, 1:] |= run
        joins[:, :1] = True  # the first group is number 0
        group: NDArray[np.int64] = np.cumsum(~joins, axis=1, dtype=np.int64)
        width = int(group.max(initial=-1)) + 2
        group += width * np.arange(len(group))[:, None]
        shape = len(group), width
        total = np.bincount(group.ravel(), minlength=shape[0] * width).reshape(shape)
        hits = np.bincount(group[relevant], minlength=shape[0] * width).reshape(shape)
        total[:, -1] = self.items - end
        hits[:, -1] = self.relevant_items - hits.sum(axis=1)
        return RankHistogram(total, hits)

    def _end_of_group(self, k: int) -> int:
        """The smallest number of items, at least k, that splits no group of any query."""
        window = 8 * -(-k // 8)
        while True:
            window = min(window, self.items)
            open_until = _unpack(self.tied, window)[:, k:].cumprod(axis=1).sum(axis=1).max(initial=0)
            if k + open_until < window or window == self.items:
                return int(k + open_until)
            window = 2 * window


def _unpack(packed: NDArray[np.uint8], count: int) -> NDArray[np.bool_]:
    part = packed[:, : -(-count // 8)]
    return np.unpackbits(part, axis=1, count=count, bitorder="little").view(np.bool_)
