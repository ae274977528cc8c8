"""Metrics of Hamming distances: within a radius, ties, the precision-recall curve."""

import numpy as np
from numpy.typing import NDArray

from l2h.metrics.metric import At, Metric
from l2h.metrics.tied_groups import Floats, Ranking, ratio
from l2h.ranking import RankHistogram

RADIUS = 2


def precision_within_radius(h: RankHistogram, r: int) -> Floats:
    """Share of relevant items among those at Hamming distance <= `r`; an empty ball scores 0 and counts.

    Returns
    -------
    float64 (Q,)
    """
    _check_distances(h)
    if r < 0:
        raise ValueError(f"a radius is at least 0, got {r}")
    return ratio(h.relevant[:, : r + 1].sum(axis=1), h.total[:, : r + 1].sum(axis=1))


def is_empty_within_radius(h: RankHistogram, r: int) -> NDArray[np.bool_]:
    """Whether no item at all lies at Hamming distance <= `r`, bool (Q,)."""
    _check_distances(h)
    return h.total[:, : r + 1].sum(axis=1) == 0


def tied_pairs(h: RankHistogram) -> Floats:
    """Probability that two items of the database, drawn without replacement, lie at one distance; float64 (Q,)."""
    _check_distances(h)
    n = h.total.astype(np.float64)
    size = n.sum(axis=1)
    return ratio((n * (n - 1)).sum(axis=1), size * (size - 1))


def precision_at_distance(h: RankHistogram) -> Floats:
    """Share of relevant items among those at distance <= d, for d = 0..bits; 0 while nothing was retrieved.

    Returns
    -------
    float64 (Q, bits + 1)
    """
    _check_distances(h)
    return ratio(h.relevant.cumsum(axis=1), h.total.cumsum(axis=1))


def recall_at_distance(h: RankHistogram) -> Floats:
    """Share of all relevant items that are at distance <= d, for d = 0..bits; 0 where nothing is relevant.

    Returns
    -------
    float64 (Q, bits + 1)
    """
    _check_distances(h)
    hits = h.relevant.cumsum(axis=1)
    return ratio(hits, hits[:, -1:])


def precision_recall_curve(h: RankHistogram) -> Floats:
    """Precision and recall of "everything at distance <= d", for d = 0..bits.

    Returns
    -------
    float64 (2, Q, bits + 1): precision (0 while nothing was retrieved), recall (0 where nothing is relevant)
    """
    return np.stack([precision_at_distance(h), recall_at_distance(h)])


def _check_distances(h: Ranking) -> None:
    if not isinstance(h, RankHistogram):
        raise ValueError("a ranking by scores has no Hamming distances; take precision_at_k or recall_at_k")


METRICS = (
    Metric(
        name="precision_in_radius",
        function=precision_within_radius,
        axis=f"precision, Hamming radius {RADIUS}",
        better="higher",
        formula="relevant items at distance <= k / items at distance <= k, 0 where there are none; k is the radius",
        source="Salakhutdinov & Hinton, Semantic Hashing, 2009",
        short=f"precision, radius {RADIUS}",
        of="histogram",
        at=(At(RADIUS),),
    ),
    Metric(
        name="empty_in_radius",
        function=is_empty_within_radius,
        axis=f"empty lookups, Hamming radius {RADIUS}",
        better="lower",
        formula="share of queries without any item at distance <= k, the radius",
        of="histogram",
        at=(At(RADIUS),),
    ),
    Metric(
        name="tied_pairs",
        function=tied_pairs,
        axis="tied pairs",
        better="lower",
        formula="probability that two items of the database lie at one distance",
        of="histogram",
    ),
    Metric(
        name="precision_at_distance",
        function=precision_at_distance,
        axis="precision",
        better="higher",
        formula="relevant items / items, at distance <= k, 0 where there are none, mean over queries",
        of="histogram",
        by_distance=True,
        columns={},
    ),
    Metric(
        name="recall_at_distance",
        function=recall_at_distance,
        axis="recall",
        better="higher",
        formula="relevant items at distance <= k / all relevant items, mean over queries",
        of="histogram",
        by_distance=True,
        columns={},
    ),
)
