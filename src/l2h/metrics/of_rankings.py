"""Average precision, precision and recall at k, of a rank histogram or of a ranking by scores, exact under ties."""

from collections.abc import Callable
from typing import get_args

import numpy as np

from l2h.metrics.metric import At, Metric, Normalise, Ties
from l2h.metrics.tied_groups import Floats, Groups, Ranking, check_depth, expected_over_retrieved, ratio
from l2h.ranking import RankedRelevance

DEPTHS = (100, 250, 500, 1000, 2500, 5000)
TIES = "McSherry & Najork, ECIR 2008"
WHOLE = {ties: At(None, ties, "relevant") for ties in get_args(Ties)}  # where both normalisations are equal
EXPECTED = tuple(At(k, "expected") for k in DEPTHS)


def average_precision(
    h: "Ranking | Groups", k: int | None = None, ties: Ties = "expected", normalise: Normalise = "retrieved"
) -> Floats:
    """Average precision of each query, over the whole ranking or the first `k` items.

    Parameters
    ----------
    h : rank histogram, or ranking by scores, of Q queries
    k : number of items; None, or more than the database has, means all
    ties : "expected" (the mean over all orders of tied items), "best" or "worst"; the latter two are bounds for the
        whole ranking and for normalise="relevant", but only names of two orders for normalise="retrieved"
    normalise : "retrieved" divides by the relevant items among the first k (HashNet's convention, that of nearly all
        published results), "relevant" by min(k, all relevant items); both are equal for the whole ranking

    Returns
    -------
    float64 (Q,); 0 if nothing relevant was retrieved

    Raises
    ------
    ValueError
        k below 1, or an unknown `ties` or `normalise`

    Examples
    --------
    >>> from l2h import metrics, ranking
    >>> h = ranking.RankHistogram([[2, 1, 1]], [[1, 1, 0]])
    >>> metrics.average_precision(h).round(3).tolist()  # two items are tied at distance 0: the mean of both orders
    [0.708]
    >>> [metrics.average_precision(h, ties=ties).round(3).tolist() for ties in ("worst", "best")]
    [[0.583], [0.833]]
    """
    if ties not in ("expected", "worst", "best"):
        raise ValueError(f"ties must be 'expected', 'worst' or 'best', got {ties!r}")
    if normalise not in ("retrieved", "relevant"):
        raise ValueError(f"normalise must be 'retrieved' or 'relevant', got {normalise!r}")
    if isinstance(h, RankedRelevance):
        return _of_scores(
            h,
            lambda tied: average_precision(tied.histogram(k), k, ties, normalise),
            lambda strict: _average_precision_without_ties(strict, k, normalise),
        )
    groups = Groups.of(h)
    cut = groups.cut(k)
    before = groups.precision_sums(ties)[cut.place]
    if ties == "expected" and normalise == "retrieved":
        return expected_over_retrieved(before, cut)
    inside, hits = cut.precisions(ties)
    return ratio(before + inside, cut.R + hits if normalise == "retrieved" else np.minimum(cut.k, groups.relevant))


def precision_at_k(h: "Ranking | Groups", k: int) -> Floats:
    """Expected share of relevant items among the first `k`; `k` beyond the database means all of it.

    Returns
    -------
    float64 (Q,)

    Examples
    --------
    >>> from l2h import metrics, ranking
    >>> h = ranking.RankHistogram([[2, 1, 1]], [[1, 1, 0]])
    >>> metrics.precision_at_k(h, k=1).tolist()
    [0.5]
    """
    if isinstance(h, RankedRelevance):
        return _of_scores(h, lambda part: precision_at_k(part.histogram(k), k))
    cut = Groups.of(h).cut(k)
    return ratio(cut.expected_hits(), cut.k)


def recall_at_k(h: "Ranking | Groups", k: int) -> Floats:
    """Expected share of all relevant items that are among the first `k`; 0 for a query with nothing relevant.

    Returns
    -------
    float64 (Q,)

    Examples
    --------
    >>> from l2h import metrics, ranking
    >>> h = ranking.RankHistogram([[2, 1, 1]], [[1, 1, 0]])
    >>> metrics.recall_at_k(h, k=2).tolist()
    [0.5]
    """
    if isinstance(h, RankedRelevance):
        return _of_scores(h, lambda part: recall_at_k(part.histogram(k), k))
    groups = Groups.of(h)
    return ratio(groups.cut(k).expected_hits(), groups.relevant)


def _of_scores(
    h: RankedRelevance,
    metric: Callable[[RankedRelevance], Floats],
    strict_metric: Callable[[RankedRelevance], Floats] | None = None,
) -> Floats:
    """A metric of a ranking by scores, few queries at a time; `strict_metric` is used for those without ties, (Q,)."""
    result = np.empty(len(h.relevant))
    for rows, block in h.blocks():
        tied = block.has_ties | (strict_metric is None)
        result[rows[tied]] = metric(block[tied])
        if strict_metric is not None:
            result[rows[~tied]] = strict_metric(block[~tied])
    return result


def _average_precision_without_ties(h: RankedRelevance, k: int | None, normalise: Normalise) -> Floats:
    """Average precision without ties, (Q,)."""
    check_depth(k)
    k = h.items if k is None else min(k, h.items)
    query, place = np.nonzero(h.first(k))
    hits = np.bincount(query, minlength=len(h.relevant)).astype(np.float64)
    number = np.arange(1, len(query) + 1) - (hits.cumsum() - hits)[query]  # of the hit, in its query
    sums = np.bincount(query, weights=number / (place + 1), minlength=len(hits)).astype(np.float64)
    divisor: Floats = hits if normalise == "retrieved" else np.minimum(k, h.relevant_items.astype(np.float64))
    return ratio(sums, divisor)


METRICS = (
    Metric(
        name="map",
        function=average_precision,
        axis="mAP",
        better="higher",
        formula="mean over queries of AP@k = (sum of precision@i at each relevant place i <= k) / d; d: relevant items "
        "among the first k (retrieved) or min(k, all relevant items) (relevant); expected over the orders of tied "
        "items; empty where the database has fewer than k items",
        source=f"{TIES}; retrieved as in HashNet, ICCV 2017",
        short="mAP",
        at=tuple(
            at
            for ties, whole in WHOLE.items()
            for at in (whole, *(At(k, ties, by) for k in DEPTHS for by in get_args(Normalise)))
        ),
        columns={
            "map": WHOLE["expected"],
            "map_worst": WHOLE["worst"],
            "map_best": WHOLE["best"],
            **{f"map_at_{k}": At(k, "expected", "retrieved") for k in DEPTHS},
        },
    ),
    Metric(
        name="map_unseen",
        function=average_precision,
        axis="mAP, unseen images",
        better="higher",
        formula="mAP over the database without the training images",
        short="mAP unseen",
        unseen=True,
        at=tuple(WHOLE.values()),
    ),
    Metric(
        name="precision",
        function=precision_at_k,
        axis="precision@k",
        better="higher",
        formula="relevant items among the first k / k, expected under ties; empty where the database has fewer than k "
        "items",
        source=TIES,
        at=EXPECTED,
    ),
    Metric(
        name="recall",
        function=recall_at_k,
        axis="recall@k",
        better="higher",
        formula="relevant items among the first k / all relevant items, expected under ties; empty where the database "
        "has fewer than k items",
        source=TIES,
        at=EXPECTED,
    ),
)
