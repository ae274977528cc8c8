"""Metrics of Hamming distances: within a radius, ties, the precision-recall curve."""

import numpy as np
from numpy.typing import NDArray

from l2h.metrics.metric import At, Metric
from l2h.metrics.tied_groups import Floats, Ranking, ratio
from l2h.ranking import RankHistogram

RADIUS = 2


def precision_within_radius(h: RankHistogram, r: int) -> Floats:
    """Share of relevant items among those at Hamming distance <= `r`; 0 for a query without items in the ball.

    Returns
    -------
    float64 (Q,)

    Examples
    --------
    >>> from l2h import metrics, ranking
    >>> h = ranking.RankHistogram([[2, 1, 1]], [[1, 1, 0]])
    >>> metrics.precision_within_radius(h, r=2).tolist()
    [0.5]
    """
    _check_distances(h)
    if r < 0:
        raise ValueError(f"r must be at least 0, got {r}")
    return ratio(h.relevant[:, : r + 1].sum(axis=1), h.total[:, : r + 1].sum(axis=1))


def is_empty_within_radius(h: RankHistogram, r: int) -> NDArray[np.bool_]:
    """Whether no item is at Hamming distance <= `r`, bool (Q,).

    Examples
    --------
    >>> from l2h import metrics, ranking
    >>> h = ranking.RankHistogram([[0, 1, 1], [2, 0, 0]], [[0, 1, 0], [1, 0, 0]])
    >>> metrics.is_empty_within_radius(h, r=0).tolist()
    [True, False]
    """
    _check_distances(h)
    return h.total[:, : r + 1].sum(axis=1) == 0


def tied_pairs(h: RankHistogram) -> Floats:
    """Probability that two items of the database, drawn without replacement, have the same distance; float64 (Q,).

    Examples
    --------
    >>> from l2h import metrics, ranking
    >>> h = ranking.RankHistogram([[2, 1, 1]], [[1, 1, 0]])
    >>> metrics.tied_pairs(h).round(3).tolist()  # one pair of six
    [0.167]
    """
    _check_distances(h)
    n = h.total.astype(np.float64)
    size = n.sum(axis=1)
    return ratio((n * (n - 1)).sum(axis=1), size * (size - 1))


def precision_at_distance(h: RankHistogram) -> Floats:
    """Share of relevant items among those at distance <= d, for d = 0..bits; 0 while nothing was retrieved.

    Returns
    -------
    float64 (Q, bits + 1)

    Examples
    --------
    >>> from l2h.metrics.of_histograms import precision_at_distance
    >>> from l2h.ranking import RankHistogram
    >>> precision_at_distance(RankHistogram([[2, 1, 1]], [[1, 1, 0]])).round(3).tolist()
    [[0.5, 0.667, 0.5]]
    """
    _check_distances(h)
    return ratio(h.relevant.cumsum(axis=1), h.total.cumsum(axis=1))


def recall_at_distance(h: RankHistogram) -> Floats:
    """Share of all relevant items that are at distance <= d, for d = 0..bits; 0 if nothing is relevant.

    Returns
    -------
    float64 (Q, bits + 1)

    Examples
    --------
    >>> from l2h.metrics.of_histograms import recall_at_distance
    >>> from l2h.ranking import RankHistogram
    >>> recall_at_distance(RankHistogram([[2, 1, 1]], [[1, 1, 0]])).round(3).tolist()
    [[0.5, 1.0, 1.0]]
    """
    _check_distances(h)
    hits = h.relevant.cumsum(axis=1)
    return ratio(hits, hits[:, -1:])


def precision_recall_curve(h: RankHistogram) -> Floats:
    """Precision and recall of "everything at distance <= d", for d = 0..bits.

    Returns
    -------
    float64 (2, Q, bits + 1): precision (0 while nothing was retrieved), recall (0 where nothing is relevant)

    Examples
    --------
    >>> from l2h import metrics, ranking
    >>> h = ranking.RankHistogram([[2, 1, 1]], [[1, 1, 0]])
    >>> precision, recall = metrics.precision_recall_curve(h)
    >>> recall.tolist()
    [[0.5, 1.0, 1.0]]
    """
    return np.stack([precision_at_distance(h), recall_at_distance(h)])


def _check_distances(h: Ranking) -> None:
    if not isinstance(h, RankHistogram):
        raise ValueError("a ranking by scores has no Hamming distances; use precision_at_k or recall_at_k")


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
