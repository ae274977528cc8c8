"""Retrieval metrics: pure functions of a rank histogram, or of a ranking by scores, exact under ties.

Items at one Hamming distance are tied. "expected" is the mean over all orders of the tied items (McSherry & Najork,
"Computing information retrieval performance measures efficiently in the presence of tied scores", ECIR 2008);
"best" puts a group's relevant items first, "worst" puts them last.

In the formulas below a group holds n items, r of them relevant, and follows N items, R of them relevant.
"""

from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from l2h.ranking import RankedRelevance, RankHistogram

Ties = Literal["expected", "worst", "best"]
Normalise = Literal["retrieved", "relevant"]
Floats = NDArray[np.float64]
Ranking = RankHistogram | RankedRelevance


def average_precision(
    h: Ranking, k: int | None = None, ties: Ties = "expected", normalise: Normalise = "retrieved"
) -> Floats:
    """Average precision of each query, over the whole ranking or its first `k` places.

    Parameters
    ----------
    h : rank histogram, or ranking by scores, of Q queries
    k : places that count; None, or more than there are items, means all
    ties : "expected" (the mean over all orders of tied items), "best" or "worst"; the latter two are bounds for the
        whole ranking and for normalise="relevant", but only names of two orders for normalise="retrieved"
    normalise : "retrieved" divides by the relevant items among the first k (HashNet's convention, that of nearly all
        published figures), "relevant" by min(k, all relevant items); the same thing over the whole ranking

    Returns
    -------
    float64 (Q,); 0 where nothing relevant was retrieved

    Raises
    ------
    ValueError
        k below 1, or an unknown `ties` or `normalise`
    """
    if ties not in ("expected", "worst", "best"):
        raise ValueError(f"ties is 'expected', 'worst' or 'best', got {ties!r}")
    if normalise not in ("retrieved", "relevant"):
        raise ValueError(f"normalise is 'retrieved' or 'relevant', got {normalise!r}")
    if isinstance(h, RankedRelevance):
        return _of_scores(
            h,
            lambda tied: average_precision(tied.histogram(k), k, ties, normalise),
            lambda strict: _average_precision_without_ties(strict, k, normalise),
        )
    cut = _Cut(h, k)
    if ties == "expected":
        slope = _ratio(cut.r - 1, cut.n - 1)
        groups = _ratio(cut.r, cut.n) * _precision_sum(cut.R, cut.N, cut.taken, slope)
        hits = None
    else:
        # a run of relevant items: at the group's head, or after its n - r irrelevant ones
        skipped = 0 if ties == "best" else cut.n - cut.r
        hits = np.clip(cut.taken - skipped, 0, cut.r)
        groups = _precision_sum(cut.R, cut.N + skipped, hits, np.ones_like(hits))
    if normalise == "relevant" or cut.whole:
        return _ratio(groups.sum(axis=1), np.minimum(cut.k, cut.relevant))
    if hits is not None:
        return _ratio(groups.sum(axis=1), hits.sum(axis=1))
    return _expected_over_retrieved(cut, groups)


def precision_at_k(h: Ranking, k: int) -> Floats:
    """Expected share of relevant items among the first `k`; `k` beyond the database means all of it.

    Returns
    -------
    float64 (Q,)
    """
    if isinstance(h, RankedRelevance):
        return _of_scores(h, lambda part: precision_at_k(part.histogram(k), k))
    cut = _Cut(h, k)
    return _ratio(cut.expected_hits(), cut.taken.sum(axis=1))


def recall_at_k(h: Ranking, k: int) -> Floats:
    """Expected share of all relevant items that are among the first `k`; 0 for a query with nothing relevant.

    Returns
    -------
    float64 (Q,)
    """
    if isinstance(h, RankedRelevance):
        return _of_scores(h, lambda part: recall_at_k(part.histogram(k), k))
    cut = _Cut(h, k)
    return _ratio(cut.expected_hits(), cut.relevant)


def precision_within_radius(h: RankHistogram, r: int) -> Floats:
    """Share of relevant items among those at Hamming distance <= `r`; an empty ball scores 0 and counts.

    Returns
    -------
    float64 (Q,)
    """
    _check_distances(h)
    if r < 0:
        raise ValueError(f"a radius is at least 0, got {r}")
    return _ratio(h.relevant[:, : r + 1].sum(axis=1), h.total[:, : r + 1].sum(axis=1))


def precision_recall_curve(h: RankHistogram) -> Floats:
    """Precision and recall of "everything at distance <= d", for d = 0..bits.

    Returns
    -------
    float64 (2, Q, bits + 1): precision (0 while nothing was retrieved), recall (0 where nothing is relevant)
    """
    _check_distances(h)
    hits = h.relevant.cumsum(axis=1)
    return np.stack([_ratio(hits, h.total.cumsum(axis=1)), _ratio(hits, hits[:, -1:])])


def _of_scores(
    h: RankedRelevance,
    metric: Callable[[RankedRelevance], Floats],
    strict_metric: Callable[[RankedRelevance], Floats] | None = None,
) -> Floats:
    """A metric of a ranking by scores, few queries at a time; `strict_metric` serves those without ties, (Q,)."""
    result = np.empty(len(h.relevant))
    for rows, block in h.blocks():
        tied = block.has_ties | (strict_metric is None)
        result[rows[tied]] = metric(block[tied])
        if strict_metric is not None:
            result[rows[~tied]] = strict_metric(block[~tied])
    return result


def _average_precision_without_ties(h: RankedRelevance, k: int | None, normalise: Normalise) -> Floats:
    """Average precision where each item has its own place, (Q,)."""
    _check_depth(k)
    k = h.items if k is None else min(k, h.items)
    query, place = np.nonzero(h.first(k))
    hits = np.bincount(query, minlength=len(h.relevant)).astype(np.float64)
    number = np.arange(1, len(query) + 1) - (hits.cumsum() - hits)[query]  # of the hit, in its query
    sums = np.bincount(query, weights=number / (place + 1), minlength=len(hits)).astype(np.float64)
    divisor: Floats = hits if normalise == "retrieved" else np.minimum(k, h.relevant_items.astype(np.float64))
    return _ratio(sums, divisor)


def _check_distances(h: Ranking) -> None:
    if not isinstance(h, RankHistogram):
        raise ValueError("a ranking by scores has no Hamming distances; take precision_at_k or recall_at_k")


def _check_depth(k: int | None) -> None:
    if k is not None and k < 1:
        raise ValueError(f"k is at least 1, got {k}")


class _Cut:
    """A histogram's groups, and how many items of each lie among the first k; all float64 (Q, bits + 1).

    n, r: items and relevant items of a group; N, R: the same before it; taken: its items among the first k.
    Counts are exact in float64 below 2**53.
    """

    def __init__(self, h: RankHistogram, k: int | None):
        _check_depth(k)
        self.n = h.total.astype(np.float64)
        self.r = h.relevant.astype(np.float64)
        self.N = self.n.cumsum(axis=1) - self.n
        self.R = self.r.cumsum(axis=1) - self.r
        size = self.n.sum(axis=1)
        self.relevant = self.r.sum(axis=1)
        self.k = size if k is None else np.minimum(k, size)
        self.whole = bool((self.k == size).all())
        self.taken = np.clip(self.k[:, None] - self.N, 0, self.n)

    def expected_hits(self) -> Floats:
        """Expected relevant items among the first k, (Q,)."""
        return (self.taken * _ratio(self.r, self.n)).sum(axis=1)


def _ratio(a: Floats, b: Floats) -> Floats:
    """Divide, and give 0 where b is 0."""
    return np.divide(a, b, out=np.zeros(np.broadcast(a, b).shape), where=b != 0)


def _precision_sum(R: Floats, N: Floats, count: Floats, slope: Floats) -> Floats:
    """Sum over i = 1..count of (R + 1 + (i - 1) * slope) / (N + i).

    That is the precision at each relevant place of a run after N items, R of them relevant, when every further place
    adds `slope` relevant items. As i - 1 = (N + i) - (N + 1), harmonic numbers close the sum.
    """
    return (R + 1 - slope * (N + 1)) * _harmonic_difference(N, count) + slope * count


def _harmonic_difference(N: Floats, count: Floats) -> Floats:
    """Sum over i = 1..count of 1 / (N + i), to about 1e-16 relative for any N.

    The first terms are added up, the rest is Euler and Maclaurin's expansion of psi(b) - psi(a); its logarithm is
    taken of the ratio, as the difference of two harmonic numbers would lose digits with N.
    """
    start = 20
    total = np.zeros(np.broadcast(N, count).shape)
    for i in range(1, start + 1):
        total += np.where((i <= count) & (N + i <= start), 1 / (N + i), 0)
    a = np.maximum(N, start) + 1
    b = np.maximum(N + count + 1, a)

    def tail(x: Floats) -> Floats:
        y = 1 / (x * x)
        return -1 / (2 * x) - y * (1 / 12 - y * (1 / 120 - y * (1 / 252 - y / 240)))

    return total + np.log1p((b - a) / a) + (tail(b) - tail(a))


def _expected_over_retrieved(cut: _Cut, groups: Floats) -> Floats:
    """Mean over tie orders of (precision sum of the first k) / (relevant items among the first k), (Q,).

    Both depend on the relevant items `hits` among the `m` taken from the group that k cuts: hypergeometric of n, r
    and m. Given `hits`, the m places are again a tied group.
    """
    rows = np.arange(len(cut.n))
    last = np.where(cut.taken > 0, np.arange(cut.n.shape[1]), 0).max(axis=1)
    n, r, m, N, R = (part[rows, last][:, None] for part in (cut.n, cut.r, cut.taken, cut.N, cut.R))
    before = groups.sum(axis=1) - groups[rows, last]
    result = np.empty(len(rows))
    for chunk in np.array_split(rows, max(1, len(rows) // 512)):
        hits, weight = _hypergeometric(n[chunk], r[chunk], m[chunk])
        slope = _ratio(hits - 1, m[chunk] - 1)
        inside = _ratio(hits, m[chunk]) * _precision_sum(R[chunk], N[chunk], m[chunk], slope)
        result[chunk] = (weight * _ratio(before[chunk, None] + inside, R[chunk] + hits)).sum(axis=1)
    return result


def _hypergeometric(n: Floats, r: Floats, m: Floats) -> tuple[Floats, Floats]:
    """Relevant items among m drawn from n that hold r: values and probabilities, (Q, window) each.

    The recurrence p(h + 1) / p(h) runs over a window around the mean; by Bernstein's inequality what lies outside
    weighs less than 1e-13. A window's values outside the support get probability 0.
    """
    mean = _ratio(m * r, n)
    deviation = np.sqrt(_ratio(mean * (n - r) * (n - m), n * (n - 1)))
    low = np.maximum(np.maximum(0, m - (n - r)), np.floor(mean - 8 * deviation - 20))
    high = np.minimum(np.minimum(m, r), np.ceil(mean + 8 * deviation + 20))
    h = low + np.arange(int((high - low).max(initial=0)) + 1)
    inside = h <= high
    before = np.where(inside, h - 1, low)[:, 1:]  # p(h) from p(h - 1)
    step = np.where(inside[:, 1:], (r - before) * (m - before) / ((before + 1) * (n - r - m + before + 1)), 1)
    logs = np.cumsum(np.log(step), axis=1)
    logs = np.concatenate([np.zeros_like(mean), logs], axis=1)
    logs[~inside] = -np.inf
    weight = np.exp(logs - logs.max(axis=1, keepdims=True))
    return h, weight / weight.sum(axis=1, keepdims=True)
