"""Groups of tied items in a ranking, and closed forms of means over the orders of tied items.

Items at one Hamming distance are tied. "expected" is the mean over all orders of the tied items (McSherry & Najork,
"Computing information retrieval performance measures efficiently in the presence of tied scores", ECIR 2008);
"best" puts a group's relevant items first, "worst" puts them last.

In the formulas below a group holds n items, r of them relevant, and follows N items, R of them relevant.
"""

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from l2h.metrics.metric import Ties
from l2h.ranking import RankedRelevance, RankHistogram

Floats = NDArray[np.float64]
Ranking = RankHistogram | RankedRelevance


def shared(h: Ranking) -> "Ranking | Groups":
    """An object to pass to several of these functions instead of `h`, so that they share intermediate results."""
    return Groups(h) if isinstance(h, RankHistogram) else h


def check_depth(k: int | None) -> None:
    """Raise ValueError if k is below 1."""
    if k is not None and k < 1:
        raise ValueError(f"k must be at least 1, got {k}")


class Groups:
    """The groups of tied items of a histogram, with intermediate results shared by several metrics.

    Each function here accepts it instead of the histogram, which makes further calls faster. Counts are exact
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
        """Indices of the groups with relevant items, and their n, r, N, R; other groups add no precision."""
        here = np.nonzero(self.r)
        return here, [part[here] for part in (self.n, self.r, self.N, self.R)]

    def precision_sums(self, ties: Ties) -> Floats:
        """Sum of precision@i over the relevant ranks i of all nearer groups, (Q, bits + 2)."""
        if ties not in self._sums:
            here, (n, r, N, R) = self._filled
            sums = np.zeros_like(self.r)
            sums[here], _ = _precisions(n, r, N, R, n, ties)
            sums[:, 1:] = sums[:, :-1].cumsum(axis=1)
            sums[:, 0] = 0
            self._sums[ties] = sums
        return self._sums[ties]

    def cut(self, k: int | None) -> "_Cut":
        """The cut after the first k ranks; raises ValueError if k is below 1."""
        if k not in self._cuts:
            self._cuts[k] = _Cut(self, k)
        return self._cuts[k]


class _Cut:
    """The group of rank k + 1, and the number of its items among the first k; all float64 (Q,).

    n, r: items and relevant items of that group; N, R: the same before it; taken: its items among the first k.
    """

    def __init__(self, groups: Groups, k: int | None):
        check_depth(k)
        self.k = groups.size if k is None else np.minimum(k, groups.size)
        whole = (groups.N[:, 1:] <= self.k[:, None]).sum(axis=1)
        self.place = np.arange(len(whole)), whole
        self.n, self.r, self.N, self.R = (part[self.place] for part in (groups.n, groups.r, groups.N, groups.R))
        self.taken = self.k - self.N
        self._precisions: dict[Ties, tuple[Floats, Floats]] = {}

    def precisions(self, ties: Ties) -> tuple[Floats, Floats]:
        """Sum of precision@i over the relevant ranks i among the items taken, and their number."""
        if ties not in self._precisions:
            self._precisions[ties] = _precisions(self.n, self.r, self.N, self.R, self.taken, ties)
        return self._precisions[ties]

    def expected_hits(self) -> Floats:
        """Expected relevant items among the first k, (Q,)."""
        return self.R + self.taken * ratio(self.r, self.n)


def _precisions(n: Floats, r: Floats, N: Floats, R: Floats, taken: Floats, ties: Ties) -> tuple[Floats, Floats]:
    """Sum of precision@i over the relevant ranks i among the first `taken` items of a group, and their number."""
    if ties == "expected":
        share = ratio(r, n)
        return share * _precision_sum(R, N, taken, ratio(r - 1, n - 1)), share * taken
    # a run of relevant items: at the start of the group, or after its n - r irrelevant ones
    skipped = 0 if ties == "best" else n - r
    hits = np.clip(taken - skipped, 0, r)
    return _precision_sum(R, N + skipped, hits, np.ones_like(hits)), hits


def ratio(a: Floats, b: Floats) -> Floats:
    """Divide; 0 where b is 0."""
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


def expected_over_retrieved(before: Floats, cut: _Cut) -> Floats:
    """Mean over tie orders of (precision sum of the first k) / (relevant items among the first k), (Q,).

    Both depend on the relevant items h among the m taken from the group that k cuts: hypergeometric of n, r and m.
    Given h, the m places are again a tied group, so with the harmonic difference H its precisions sum to
    h * (a + (h - 1) * b), where a = (R + 1) * H / m and b = (m - (N + 1) * H) / (m * (m - 1)).

    The probabilities follow by recurrence from the most likely h, in a window around it; by Bernstein's inequality what
    lies outside weighs less than 1e-13. Outside h's support the recurrence gives 0 by itself.
    """
    n, r, m, N, R = cut.n, cut.r, cut.taken, cut.N, cut.R
    H = _harmonic_difference(N, m)
    a, b = ratio((R + 1) * H, m), ratio(m - (N + 1) * H, m * (m - 1))
    rest = n - r - m
    low, high = np.maximum(0, -rest), np.minimum(m, r)
    mode = np.clip(np.floor((m + 1) * (r + 1) / (n + 2)), low, high)
    deviation = np.sqrt(ratio(m * r * (n - r) * (n - m), n * n * (n - 1)))
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
