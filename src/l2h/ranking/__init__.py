"""Hamming ranking, held as one small table a query instead of a sorted list."""

from l2h.ranking.counting import rank_histogram
from l2h.ranking.histogram import RankHistogram

__all__ = ["RankHistogram", "rank_histogram"]
