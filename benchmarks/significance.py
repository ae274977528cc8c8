"""Check the nominal rates of the report's intervals and tests, by simulation and by training; prints Markdown.

python benchmarks/significance.py            # 9 minutes on a busy machine; --quick: seconds
"""

import argparse
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from sklearn.datasets import load_digits

from common import table
from l2h import hashing
from l2h.evaluation import power, significance
from l2h.evaluation.significance import Trainings
from l2h.metrics import average_precision
from l2h.ranking import rank_histogram

Floats = NDArray[np.float64]

# standard deviations of a method's mAP between trainings, of a difference between queries, and of the rest; those
# that `l2h power` finds for hashing heads on the quickstart's digits are close to the second
SPREADS = {"stable": (0.002, 0.05, 0.03), "usual": (0.007, 0.08, 0.08), "unstable": (0.02, 0.15, 0.1)}
SEEDS = (3, 5, 10)


def coverage(times: int) -> Iterator[list[str]]:
    """One training: how often a 95 % interval is printed, and how often a printed one covers the mean."""
    rng = np.random.default_rng(0)
    for saturated in (0.0, 0.5, 0.8, 0.95):
        cells = []
        for Q in (20, 50, 100, 200, 1000, 5000):
            mean = saturated + (1 - saturated) * 0.8
            found = [
                significance.mean(Trainings(np.where(rng.random(Q) < saturated, 1.0, rng.beta(8, 2, Q))[None]))
                for _ in range(times)
            ]
            printed = [one for one in found if not np.isnan(one.low)]
            covered = np.mean([one.low <= mean <= one.high for one in printed]) if printed else np.nan
            often = len(printed) >= times / 20
            cells.append(f"{covered:.1%} of {len(printed) / times:.0%}" if often else f"{len(printed) / times:.0%}")
        yield [f"{saturated:.0%}", *cells]


def equal_methods(rng: np.random.Generator, spread: tuple[float, ...], S: int, Q: int, number: int) -> list[Trainings]:
    """Methods with equal means over queries and trainings."""
    training, query, rest = spread
    difficulty = rng.normal(0.6, 0.2, Q)
    return [
        Trainings(
            difficulty
            + rng.normal(0, query / 2**0.5, Q)
            + rng.normal(0, training, (S, 1))
            + rng.normal(0, rest, (S, Q))
        )
        for _ in range(number)
    ]


def by_queries(one: Trainings, other: Trainings) -> float:
    """The p of a paired t-test over the queries of one training, as in most papers."""
    return float(stats.ttest_rel(one.values.mean(axis=0), other.values.mean(axis=0)).pvalue)


def level(times: int) -> Iterator[list[str]]:
    """Equal methods: rate of p < .05 for two, and for the best of six against any other after correction."""
    rng = np.random.default_rng(1)
    for name, spread in SPREADS.items():
        for Q in (100, 1000):
            once = [by_queries(*equal_methods(rng, spread, 1, Q, 2)) for _ in range(times)]
            cells = [f"{np.mean(np.array(once) < 0.05):.1%}"]
            for S in SEEDS:
                found = [significance.difference(*equal_methods(rng, spread, S, Q, 2)).p for _ in range(times)]
                cells.append(f"{np.mean(np.array(found) < 0.05):.1%}")
            six = [best_of_six(rng, spread, 3, Q) for _ in range(times // 5)]
            cells += [f"{np.mean(column):.1%}" for column in zip(*six, strict=True)]
            yield [name, str(Q), *cells]


def best_of_six(rng: np.random.Generator, spread: tuple[float, ...], S: int, Q: int) -> tuple[bool, bool]:
    """Whether the best of six equal methods is "better" than another: without correction, and with Holm's."""
    methods = equal_methods(rng, spread, S, Q, 6)
    best = max(range(6), key=lambda number: methods[number].values.mean())
    pairs = [(i, j) for i in range(6) for j in range(i)]
    p = [significance.difference(methods[i], methods[j]).p for i, j in pairs]
    own = [best in pair for pair in pairs]
    return bool((np.array(p)[own] < 0.05).any()), bool((np.array(significance.holm(p))[own] < 0.05).any())


def detectable(times: int) -> Iterator[list[str]]:
    """The smallest true difference detected in 80 % of the cases, and its simulated rate."""
    rng = np.random.default_rng(2)
    for name, (training, query, rest) in SPREADS.items():
        of = power.Spread((training**2,) * 2, (rest**2,) * 2, query**2)
        for Q in (100, 1000):
            cells = []
            for S in SEEDS:
                delta = power.detectable(of, S, Q)
                found = 0
                for _ in range(times):
                    one, other = equal_methods(rng, (training, query, rest), S, Q, 2)
                    found += significance.difference(Trainings(one.values + delta), other).p < 0.05
                cells.append(f"{delta:.3f} ({found / times:.0%})")
            yield [name, str(Q), *cells]


def trained(seeds: int, times: int) -> Iterator[list[str]]:
    """Methods trained on the pixels of scikit-learn's digits: two groups of trainings of ONE method, compared."""
    rng = np.random.default_rng(3)
    X, y = load_digits(return_X_y=True)
    order = rng.permutation(len(X))
    query, train, database = order[:300], order[300:800], order[300:]
    for name, bits, parameters in (
        ("lsh", 32, {}),
        ("itq", 8, {}),
        ("itq", 32, {}),
        ("dsh", 32, {"epochs": 20}),
    ):
        if name == "dsh" and seeds < 100:
            continue  # --quick
        rows = []
        for seed in range(seeds if name != "dsh" else seeds // 4):
            hasher = hashing.make(name, bits=bits, random_state=seed, **parameters).fit(X[train], y[train])
            codes = [hasher.transform(X[part]) for part in (query, database)]
            rows.append(average_precision(rank_histogram(*codes, y[query], y[database], bits=bits)))
        values = np.stack(rows)
        cells = [f"{values.mean():.3f} ± {values.mean(axis=1).std(ddof=1):.3f}"]
        for S, test in ((1, by_queries), (3, lambda *pair: significance.difference(*pair).p), (5, None)):
            test = test or (lambda *pair: significance.difference(*pair).p)
            cells.append(f"{_share(rng, values, S, times, test):.1%}")
        yield [f"{name}, {bits} bits", *cells]


def _share(
    rng: np.random.Generator, values: Floats, S: int, times: int, test: Callable[[Trainings, Trainings], float]
) -> float:
    """How often two groups of S trainings differ with p < .05."""
    found = 0
    for _ in range(times):
        rows = rng.permutation(len(values))
        found += test(Trainings(values[rows[:S]]), Trainings(values[rows[S : 2 * S]])) < 0.05
    return found / times


def main() -> None:
    """Print all tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="few repetitions, for a quick test")
    quick = parser.parse_args().quick
    sizes = ["20", "50", "100", "200", "1000", "5000"]
    table(
        "Interval from one training: share that covers the mean, of the share that is printed",
        ["queries with AP 1", *sizes],
        coverage(40 if quick else 4000),
    )
    seeds = [f"{S} trainings" for S in SEEDS]
    table(
        "Equal methods that differ with p < .05",
        ["spread", "queries", "1 training, by queries", *seeds, "best of 6 from another", "the same, Holm"],
        level(20 if quick else 2000),
    )
    table(
        "Difference found in 80 % of the cases (found in simulation)",
        ["spread", "queries", *seeds],
        detectable(20 if quick else 1000),
    )
    table(
        "Trainings of one method on scikit-learn's digits that differ with p < .05",
        ["method", "mAP", "1 against 1, by queries", "3 against 3", "5 against 5"],
        trained(10 if quick else 100, 20 if quick else 2000),
    )


if __name__ == "__main__":
    main()
