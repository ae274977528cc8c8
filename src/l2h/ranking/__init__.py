"""Hamming rankings, stored as one small table a query instead of a sorted list, and rankings by real-valued scores."""

from l2h.ranking.counting import rank_histogram
from l2h.ranking.histogram import RankHistogram
from l2h.ranking.relevance import RankedRelevance

__all__ = ["RankHistogram", "RankedRelevance", "rank_histogram"]
