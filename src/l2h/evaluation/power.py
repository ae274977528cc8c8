"""Power analysis: which differences in mAP a number of queries and trainings can detect."""

from collections.abc import Iterator
from dataclasses import dataclass

from scipy import optimize, stats

from l2h.evaluation.significance import SIGNIFICANCE, Trainings, components

POWER = 0.8
MOST_TRAININGS, MOST_QUERIES = 1000, 1_000_000


@dataclass(frozen=True)
class Spread:
    """Variances behind the difference in mAP of two methods.

    Attributes
    ----------
    trainings, rest : of each method that differs between trainings, one or two of them; as
        `l2h.evaluation.significance.Components`
    queries : of the effect of a query on the difference
    """

    trainings: tuple[float, ...]
    rest: tuple[float, ...]
    queries: float

    def parts(self, S: int, Q: int) -> list[tuple[float, int]]:
        """Variances of the mean difference over S trainings and Q queries, each with its degrees of freedom."""
        own = [(trainings + rest / Q) / S for trainings, rest in zip(self.trainings, self.rest, strict=True)]
        return [*((part, S - 1) for part in own), (self.queries / Q, Q - 1)]


@dataclass(frozen=True)
class Design:
    """The pairs of methods of one setting and code length whose difference can be tested.

    Attributes
    ----------
    setting : dataset, protocol, backbone, weights
    trainings, queries : of each method
    pairs : how many pairs are tested together
    typical : the spread of the pair with the median smallest difference
    splits : variance of a difference between splits drawn at random, beyond that of queries and trainings; None if the
        run has one split
    """

    setting: tuple[str, ...]
    bits: int
    trainings: int
    queries: int
    pairs: int
    typical: Spread
    splits: float | None

    def detectable(self, trainings: int = 0, queries: int = 0) -> float:
        """Smallest difference in mAP that is detected with 80 % probability, by default with the run's own numbers."""
        return detectable(self.typical, trainings or self.trainings, queries or self.queries, self.pairs)

    def trainings_for(self, target: float) -> int | None:
        """Number of trainings needed to detect a difference with the run's queries; None if no number is enough."""
        return trainings_for(target, self.typical, self.queries, self.pairs)

    def queries_for(self, target: float) -> int | None:
        """Number of queries needed to detect a difference with the run's trainings; None if no number is enough."""
        return queries_for(target, self.typical, self.trainings, self.pairs)

    def shares(self) -> dict[str, float]:
        """The share of each source in the variance of a difference; the shares sum to 1 unless nothing varies."""
        of, S, Q = self.typical, self.trainings, self.queries
        sources = {
            "queries": of.queries / Q,
            "trainings": sum(of.trainings) / S,
            "both together": sum(of.rest) / (S * Q),
        } | ({} if self.splits is None else {"splits": self.splits})
        total = sum(sources.values()) or 1
        return {name: part / total for name, part in sources.items()}


def spread(one: Trainings, other: Trainings) -> Spread:
    """Estimate the spread of a difference; both methods have several trainings, or are deterministic."""
    random = [components(method) for method in (one, other) if not method.deterministic]
    sizes = [len(method.values) for method in (one, other) if not method.deterministic]
    by_query = one.by_query - other.by_query
    rest = sum(part.rest / S for part, S in zip(random, sizes, strict=True))
    queries = max(float(by_query.var(ddof=1)) - rest, 0.0)
    return Spread(tuple(part.trainings for part in random), tuple(part.rest for part in random), queries)


def power(difference: float, of: Spread, S: int, Q: int, pairs: int = 1) -> float:
    """Probability that the test finds a true difference.

    Parameters
    ----------
    S, Q : trainings of each method, 2 or more unless both are deterministic, and queries
    pairs : how many pairs are tested together; the level is divided by it, as Holm's method does at first
    """
    parts = of.parts(S, Q)
    variance = sum(part for part, _ in parts)
    if variance == 0:
        return float(difference != 0)
    freedom = variance**2 / sum(part**2 / df for part, df in parts if part)
    critical = stats.t.isf(SIGNIFICANCE / pairs / 2, freedom)
    return float(stats.nct.sf(critical, freedom, abs(difference) / variance**0.5))


def detectable(of: Spread, S: int, Q: int, pairs: int = 1) -> float:
    """Smallest difference that is detected with a probability of POWER; parameters as for `power`."""
    error = sum(part for part, _ in of.parts(S, Q)) ** 0.5
    if error == 0:
        return 0.0
    high = error
    while power(high, of, S, Q, pairs) < POWER:
        high *= 2
    return float(optimize.brentq(lambda delta: power(delta, of, S, Q, pairs) - POWER, 0, high, rtol=1e-4))


def trainings_for(target: float, of: Spread, Q: int, pairs: int = 1) -> int | None:
    """Approximate number of trainings that detect a difference; None if more than MOST_TRAININGS are needed."""
    return next((S for S in _sizes(MOST_TRAININGS) if power(target, of, S, Q, pairs) >= POWER), None)


def queries_for(target: float, of: Spread, S: int, pairs: int = 1) -> int | None:
    """Approximate number of queries that detect a difference; None if more than MOST_QUERIES are needed."""
    return next((Q for Q in _sizes(MOST_QUERIES) if power(target, of, S, Q, pairs) >= POWER), None)


def _sizes(most: int) -> Iterator[int]:
    """Yield numbers from 2 in steps of 10 %. Power may not increase at each step, if degrees of freedom fall."""
    size = 2
    while size <= most:
        yield size
        size = max(size + 1, round(size * 1.1))
