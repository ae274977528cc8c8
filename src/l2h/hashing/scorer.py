"""Base class of methods that rank by real-valued scores, without codes and Hamming distance."""

from abc import abstractmethod
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from l2h.hashing.base import FittedMethod


class Scorer(FittedMethod):
    """Features, float (n, d), to a score of each database item for each query.

    A subclass defines `fit`, `scores`, and the class attribute `learned`. Tables show `item_bits` as `bits`: the size
    of an item in the database. By default that is `bits`, or the size of its features if `bits` is 0.
    """

    kind: ClassVar[str] = "baseline"

    def item_bits(self, feature_bits: int) -> int:
        """Size of an item in the database in bits, given the size of its features."""
        return self.bits or feature_bits

    @abstractmethod
    def scores(self, queries: ArrayLike, database: ArrayLike) -> NDArray[np.float64]:
        """Scores of database items (m, d) for queries (q, d), float64 (q, m): the greater, the nearer.

        The database is scored in parts, so an item's score must not depend on the other items, except in its last bits:
        `l2h.ranking.scores.rank_by_scores` gives equal items the same score.
        """
