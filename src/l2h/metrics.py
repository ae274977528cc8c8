"""Retrieval metrics: pure functions of a rank histogram, or of a ranking by scores, exact under ties.

Items at one Hamming distance are tied. "expected" is the mean over all orders of the tied items (McSherry & Najork,
"Computing information retrieval performance measures efficiently in the presence of tied scores", ECIR 2008);
"best" puts a group's relevant items first, "worst" puts them last.

In the formulas below a group holds n items, r of them relevant, and follows N items, R of them relevant.
"""

from collections.abc import Callable
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from l2h.ranking import RankedRelevance, RankHistogram

Ties = Literal["expected", "worst", "best"]
Normalise = Literal["retrieved", "relevant"]
Floats = NDArray[np.float64]
Ranking = RankHistogram | RankedRelevance


def average_precision(
    h: "Ranking | Groups", k: int | None = None, ties: Ties = "expected", normalise: Normalise = "retrieved"
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
    groups = Groups.of(h)
    cut = groups.cut(k)
    before = groups.precision_sums(ties)[cut.place]
    if ties == "expected" and normalise == "retrieved":
        return _expected_over_retrieved(before, cut)
    inside, hits = cut.precisions(ties)
    return _ratio(before + inside, cut.R + hits if normalise == "retrieved" else np.minimum(cut.k, groups.relevant))


def precision_at_k(h: "Ranking | Groups", k: int) -> Floats:
    """Expected share of relevant items among the first `k`; `k` beyond the database means all of it.

    Returns
    -------
    float64 (Q,)
    """
    if isinstance(h, RankedRelevance):
        return _of_scores(h, lambda part: precision_at_k(part.histogram(k), k))
    cut = Groups.of(h).cut(k)
    return _ratio(cut.expected_hits(), cut.k)


def recall_at_k(h: "Ranking | Groups", k: int) -> Floats:
    """Expected share of all relevant items that are among the first `k`; 0 for a query with nothing relevant.

    Returns
    -------
    float64 (Q,)
    """
    if isinstance(h, RankedRelevance):
        return _of_scores(h, lambda part: recall_at_k(part.histogram(k), k))
    groups = Groups.of(h)
    return _ratio(groups.cut(k).expected_hits(), groups.relevant)


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


def is_empty_within_radius(h: RankHistogram, r: int) -> NDArray[np.bool_]:
    """Whether no item at all lies at Hamming distance <= `r`, bool (Q,)."""
    _check_distances(h)
    return h.total[:, : r + 1].sum(axis=1) == 0


def tied_pairs(h: RankHistogram) -> Floats:
    """Probability that two items of the database, drawn without replacement, lie at one distance; float64 (Q,)."""
    _check_distances(h)
    n = h.total.astype(np.float64)
    size = n.sum(axis=1)
    return _ratio((n * (n - 1)).sum(axis=1), size * (size - 1))


def precision_recall_curve(h: RankHistogram) -> Floats:
    """Precision and recall of "everything at distance <= d", for d = 0..bits.

    Returns
    -------
    float64 (2, Q, bits + 1): precision (0 while nothing was retrieved), recall (0 where nothing is relevant)
    """
    _check_distances(h)
    hits = h.relevant.cumsum(axis=1)
    return np.stack([_ratio(hits, h.total.cumsum(axis=1)), _ratio(hits, hits[:, -1:])])


def shared(h: Ranking) -> "Ranking | Groups":
    """What to hand to several of these functions in turn, in place of `h`: a histogram's groups share their work."""
    return Groups(h) if isinstance(h, RankHistogram) else h


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


class Groups:
    """The groups of tied items of a histogram, and what several figures of it share.

    Each function here takes it in place of the histogram, and is then faster from the second call on. Counts are exact
    in float64 below 2**53.

    Attributes
    ----------
    n, r : float64 (Q, bits + 2), items and relevant items of each group; an empty group closes the row
    N, R : float64 (Q, bits + 2), the same of all nearer groups
    size, relevant : float64 (Q,), items and relevant items of the database
    """

    def __init__(self, h: RankHistogram):
        empty = np.zeros((len(h.total), 1))
        self.n = np.hstack([h.total, empty])
        self.r = np.hstack([h.relevant, empty])
        self.N = self.n.cumsum(axis=1) - self.n
        self.R = self.r.cumsum(axis=1) - self.r
        self.size = self.N[:, -1]
        self.relevant = self.R[:, -1]
        self._sums: dict[Ties, Floats] = {}
        self._cuts: dict[int | None, _Cut] = {}

    @classmethod
    def of(cls, h: "RankHistogram | Groups") -> "Groups":
        """The groups themselves, or those of a histogram."""
        return h if isinstance(h, Groups) else cls(h)

    @cached_property
    def _filled(self) -> tuple[tuple[NDArray, ...], list[Floats]]:
        """Where the groups with relevant items are, and their n, r, N, R; no other group adds a precision."""
        here = np.nonzero(self.r)
        return here, [part[here] for part in (self.n, self.r, self.N, self.R)]

    def precision_sums(self, ties: Ties) -> Floats:
        """Sum of the precisions at the relevant items of all nearer groups, (Q, bits + 2)."""
        if ties not in self._sums:
            here, (n, r, N, R) = self._filled
            sums = np.zeros_like(self.r)
            sums[here], _ = _precisions(n, r, N, R, n, ties)
            sums[:, 1:] = sums[:, :-1].cumsum(axis=1)
            sums[:, 0] = 0
            self._sums[ties] = sums
        return self._sums[ties]

    def cut(self, k: int | None) -> "_Cut":
        """Where the first k places end; ValueError where k is below 1."""
        if k not in self._cuts:
            self._cuts[k] = _Cut(self, k)
        return self._cuts[k]


class _Cut:
    """The group that holds place k + 1, and how many of its items are among the first k; all float64 (Q,).

    n, r: items and relevant items of that group; N, R: the same before it; taken: its items among the first k.
    """

    def __init__(self, groups: Groups, k: int | None):
        _check_depth(k)
        self.k = groups.size if k is None else np.minimum(k, groups.size)
        whole = (groups.N[:, 1:] <= self.k[:, None]).sum(axis=1)
        self.place = np.arange(len(whole)), whole
        self.n, self.r, self.N, self.R = (part[self.place] for part in (groups.n, groups.r, groups.N, groups.R))
        self.taken = self.k - self.N
        self._precisions: dict[Ties, tuple[Floats, Floats]] = {}

    def precisions(self, ties: Ties) -> tuple[Floats, Floats]:
        """Sum of the precisions at the relevant items that are taken, and how many these are."""
        if ties not in self._precisions:
            self._precisions[ties] = _precisions(self.n, self.r, self.N, self.R, self.taken, ties)
        return self._precisions[ties]

    def expected_hits(self) -> Floats:
        """Expected relevant items among the first k, (Q,)."""
        return self.R + self.taken * _ratio(self.r, self.n)


def _precisions(n: Floats, r: Floats, N: Floats, R: Floats, taken: Floats, ties: Ties) -> tuple[Floats, Floats]:
    """Sum of the precisions at the relevant items among the first `taken` of a group, and how many these are."""
    if ties == "expected":
        share = _ratio(r, n)
        return share * _precision_sum(R, N, taken, _ratio(r - 1, n - 1)), share * taken
    # a run of relevant items: at the group's head, or after its n - r irrelevant ones
    skipped = 0 if ties == "best" else n - r
    hits = np.clip(taken - skipped, 0, r)
    return _precision_sum(R, N + skipped, hits, np.ones_like(hits)), hits


def _ratio(a: Floats, b: Floats) -> Floats:
    """Divide, and give 0 where b is 0."""
    return np.divide(a, b, out=np.zeros(np.broadcast(a, b).shape), where=b != 0)


def _precision_sum(R: Floats, N: Floats, count: Floats, slope: Floats) -> Floats:
    """Sum over i = 1..count of (R + 1 + (i - 1) * slope) / (N + i).

    That is the precision at each relevant place of a run after N items, R of them relevant, when every further place
    adds `slope` relevant items. As i - 1 = (N + i) - (N + 1), harmonic numbers close the sum.
    """
    return (R + 1 - slope * (N + 1)) * _harmonic_difference(N, count) + slope * count


_CELLS = 1 << 14
_START = 64
_HARMONIC = np.concatenate([[0.0], np.cumsum(1 / np.arange(1, _START + 1))])


def _harmonic_difference(N: Floats, count: Floats) -> Floats:
    """Sum over i = 1..count of 1 / (N + i), to about 1e-14 relative for any N.

    The first terms come from a table, the rest is Euler and Maclaurin's expansion of psi(b) - psi(a); its logarithm is
    taken of the ratio, as the difference of two harmonic numbers would lose digits with N.
    """
    low, high = (np.minimum(end, _START).astype(np.intp) for end in (N, N + count))
    a = np.maximum(N, _START) + 1
    b = np.maximum(N + count + 1, a)

    def tail(x: Floats) -> Floats:
        y = 1 / (x * x)
        return -0.5 / x - y * (1 / 12 - y * (1 / 120 - y / 252))

    return _HARMONIC[high] - _HARMONIC[low] + np.log1p((b - a) / a) + (tail(b) - tail(a))


def _expected_over_retrieved(before: Floats, cut: _Cut) -> Floats:
    """Mean over tie orders of (precision sum of the first k) / (relevant items among the first k), (Q,).

    Both depend on the relevant items h among the m taken from the group that k cuts: hypergeometric of n, r and m.
    Given h, the m places are again a tied group, so with the harmonic difference H its precisions sum to
    h * (a + (h - 1) * b), where a = (R + 1) * H / m and b = (m - (N + 1) * H) / (m * (m - 1)).

    The probabilities follow by recurrence from the most likely h, in a window around it; by Bernstein's inequality what
    lies outside weighs less than 1e-13. Outside h's support the recurrence gives 0 by itself.
    """
    n, r, m, N, R = cut.n, cut.r, cut.taken, cut.N, cut.R
    H = _harmonic_difference(N, m)
    a, b = _ratio((R + 1) * H, m), _ratio(m - (N + 1) * H, m * (m - 1))
    rest = n - r - m
    low, high = np.maximum(0, -rest), np.minimum(m, r)
    mode = np.clip(np.floor((m + 1) * (r + 1) / (n + 2)), low, high)
    deviation = np.sqrt(_ratio(m * r * (n - r) * (n - m), n * n * (n - 1)))
    window = np.minimum(np.ceil(8 * deviation + 21), np.maximum(high - mode, mode - low)).astype(np.intp)
    result = np.empty(len(n))
    order, start = np.argsort(-window), 0
    while start < len(order):  # windows of about one width together, as many as a cache holds
        width = int(window[order[start]])
        rows = order[start : start + max(1, _CELLS // (width + 1))]
        columns = (part[rows, None] for part in (before, a, b, r, m, R, rest, mode))
        result[rows] = _mean_over_hits(width, *columns)
        start += len(rows)
    return result


def _mean_over_hits(
    width: int, before: Floats, a: Floats, b: Floats, r: Floats, m: Floats, R: Floats, rest: Floats, mode: Floats
) -> Floats:
    """Mean of (before + h * (a + (h - 1) * b)) / (R + h) over h from mode - width to mode + width; (Q, 1) to (Q,)."""
    up, down = mode + np.arange(width), mode - np.arange(width)
    more = (r - up) * (m - up) / ((up + 1) * (rest + up + 1))  # p(h + 1) / p(h)
    less = down * (rest + down) / ((r - down + 1) * (m - down + 1))  # p(h - 1) / p(h)
    h = np.hstack([mode, up + 1, down - 1])
    weight = np.hstack([np.ones_like(mode), more.cumprod(axis=1), less.cumprod(axis=1)])
    # nothing retrieved scores 0 / 1 = 0
    value = (before + h * (a + (h - 1) * b)) / np.maximum(R + h, 1)
    return (weight * value).sum(axis=1) / weight.sum(axis=1)
