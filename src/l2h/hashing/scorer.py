"""What a method is that ranks by real-valued scores: no codes, no Hamming distance."""

from abc import abstractmethod
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from l2h.hashing.base import FittedMethod


class Scorer(FittedMethod):
    """Features, float (n, d), to a score of each database item for each query.

    A subclass gives `fit`, `scores`, and the class attribute `learned`. Tables show `item_bits` as `bits`: what an item
    takes in the database. That is `bits`, or for 0 its features, unless a subclass says otherwise.
    """

    kind: ClassVar[str] = "baseline"

    def item_bits(self, feature_bits: int) -> int:
        """Bits that an item takes in the database, where its features take `feature_bits`."""
        return self.bits or feature_bits

    @abstractmethod
    def scores(self, queries: ArrayLike, database: ArrayLike) -> NDArray[np.float64]:
        """Scores of database items (m, d) for queries (q, d), float64 (q, m): the greater, the nearer.

        The database comes in parts, so an item's score must not depend on those beside it, but for its last bits:
        `l2h.ranking.scores.rank_by_scores` gives equal items one score.
        """
