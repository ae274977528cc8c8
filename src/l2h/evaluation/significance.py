"""Confidence intervals and tests for mAP, over queries and over trainings.

A method's average precisions are a table: a row for each training (seed), a column for each query. Both are samples:
other queries and other seeds give another mean. The model is the one that radiology uses for readers and cases,

    AP[s, q] = mean + training[s] + query[q] + rest[s, q]

with independent random effects. Trainings of two methods are independent of each other; their queries are the same.
`benchmarks/significance.py` shows by simulation that intervals and tests have their nominal coverage and level.

Sources: Obuchowski and Rockette, Communications in Statistics, 1995, and Hillis, Statistics in Medicine, 2007 (the
model); Satterthwaite, Biometrics Bulletin, 1946 (degrees of freedom); Cochran, Sampling Techniques, 1977 (sample
size for skewed distributions); Holm, Scandinavian Journal of Statistics, 1979.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Floats = NDArray[np.float64]

CONFIDENCE = 0.95
SIGNIFICANCE = 0.05
MIN_QUERIES = 20
SKEWED = 15  # a mean over 15 * skewness^2 queries is nearly normal

# what an interval covers
QUERIES = "queries"  # for methods whose result does not depend on the seed
TRAININGS = "queries and trainings"
ONE_TRAINING = "queries, for this training"


@dataclass(frozen=True)
class Trainings:
    """A method's average precisions.

    Attributes
    ----------
    values : float64 (S, Q), a row for each training
    deterministic : whether every seed gives the same result, so that one training is enough
    """

    values: Floats
    deterministic: bool = False

    @property
    def known(self) -> bool:
        """Whether the variance over trainings is known: there are several trainings, or they are all equal."""
        return self.deterministic or len(self.values) > 1

    @cached_property
    def by_query(self) -> Floats:
        """Means over trainings, float64 (Q,)."""
        means: Floats = self.values.mean(axis=0)
        return means

    @cached_property
    def mean_squares(self) -> tuple[float, float, float]:
        """Mean squares of trainings, queries and the rest; with one training, the first and the last are 0."""
        S, Q = self.values.shape
        queries = float(S * self.by_query.var(ddof=1))
        if S == 1:
            return 0.0, queries, 0.0
        rows = self.values.mean(axis=1, keepdims=True)
        rest = ((self.values - rows - self.by_query + self.values.mean()) ** 2).sum() / ((S - 1) * (Q - 1))
        return float(Q * rows.var(ddof=1)), queries, float(rest)


@dataclass(frozen=True)
class Estimate:
    """A mean, or a difference of means.

    Attributes
    ----------
    low, high : 95 % interval; NaN if there is none
    p : two-sided, for the null hypothesis "the value is 0"; NaN if it cannot be tested
    interval : what the interval covers (QUERIES, TRAININGS or ONE_TRAINING), or "none: " and why
    """

    value: float
    low: float
    high: float
    p: float
    interval: str


@dataclass(frozen=True)
class Components:
    """Variances behind a mean over trainings and queries.

    Attributes
    ----------
    trainings : of the effect of a training, >= 0; 0 if there is one training
    queries : of the effect of a query, >= 0; includes `rest` if there is one training
    rest : of the interaction of a training and a query, >= 0
    """

    trainings: float
    queries: float
    rest: float


def components(of: Trainings) -> Components:
    """Split the variance of average precisions of two queries or more by the method of moments."""
    (S, Q), (trainings, queries, rest) = of.values.shape, of.mean_squares
    return Components(max(trainings - rest, 0) / Q, max(queries - rest, 0) / S, rest)


def mean(one: Trainings) -> Estimate:
    """Estimate a method's mAP.

    Examples
    --------
    >>> import numpy as np
    >>> from l2h.evaluation.significance import Trainings, mean
    >>> precisions = np.random.default_rng(0).beta(8, 2, (3, 200))
    >>> found = mean(Trainings(precisions))
    >>> f"{found.value:.3f} in {found.low:.3f} to {found.high:.3f} over {found.interval}"
    '0.804 in 0.772 to 0.837 over queries and trainings'
    """
    covers = QUERIES if one.deterministic else TRAININGS if one.known else ONE_TRAINING
    return _estimate(one.by_query, [one], covers)


def difference(one: Trainings, other: Trainings) -> Estimate:
    """Estimate how much the mAP of one method exceeds that of another, for the same queries.

    There is no test, and p is NaN, if one of them is random and was trained only once.

    Parameters
    ----------
    one, other : with values (S1, Q) and (S2, Q)
    """
    by_query = one.by_query - other.by_query
    if one.deterministic and other.deterministic:
        covers = QUERIES
    else:
        covers = TRAININGS if one.known and other.known else ONE_TRAINING
    return _estimate(by_query, [one, other], covers)


def holm(p: Sequence[float]) -> list[float]:
    """Correct p-values for multiple tests by Holm's method; NaN (not tested) is kept and not counted.

    Examples
    --------
    >>> from l2h.evaluation.significance import holm
    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    values = np.asarray(p, dtype=float)
    tested = np.flatnonzero(~np.isnan(values))
    order = tested[np.argsort(values[tested], kind="stable")]
    corrected = np.full(len(values), np.nan)
    corrected[order] = np.minimum(np.maximum.accumulate(values[order] * np.arange(len(order), 0, -1)), 1)
    return corrected.tolist()


def too_few(by_query: Floats) -> str:
    """Why the mean of these values, float64 (Q,), has no interval, or "".

    A mean of few or skewed values is far from normal: if 95 % of the queries have the average precision 1, an
    interval of 95 % from 100 of them covers the mean in 88 % of the cases.
    """
    Q = len(by_query)
    if Q < MIN_QUERIES:
        return f"{Q} queries, {MIN_QUERIES} needed"
    if np.ptp(by_query) == 0:
        return f"all {Q} queries have the same value"
    needed = int(np.ceil(SKEWED * stats.skew(by_query) ** 2))
    return f"{Q} queries, about {needed} needed as their values are skewed" if needed > Q else ""


def _estimate(by_query: Floats, methods: Sequence[Trainings], covers: str) -> Estimate:
    """Add up the parts of the variance of a mean: one for each method's trainings, and one for the queries."""
    value = float(by_query.mean())
    p = np.nan if covers == ONE_TRAINING else float(len(methods) == 2)
    if len(methods) == 2 and not by_query.any():
        return Estimate(value, value, value, p, covers)  # the same ranking
    why = too_few(by_query)
    if why:
        return Estimate(value, np.nan, np.nan, np.nan, f"none: {why}")
    squares = [(one.values, *one.mean_squares) for one in methods]
    # the mean square of trainings includes the rest, so the variance of queries leaves it out
    parts = [(trainings / values.size, len(values) - 1) for values, trainings, _, _ in squares]
    rest = sum(rest / values.size for values, _, _, rest in squares)
    parts.append((max(float(by_query.var(ddof=1)) / len(by_query) - rest, 0.0), len(by_query) - 1))
    variance = sum(part for part, _ in parts)
    freedom = variance**2 / sum(part**2 / df for part, df in parts if part)
    error = variance**0.5
    half = float(stats.t.ppf((1 + CONFIDENCE) / 2, freedom)) * error
    if not np.isnan(p):
        p = 2 * float(stats.t.sf(abs(value) / error, freedom))
    return Estimate(value, value - half, value + half, p, covers)
