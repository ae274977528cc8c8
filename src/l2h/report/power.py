"""Differences between methods that a run can detect, from the variance of its average precisions."""

import re
from collections.abc import Sequence
from statistics import mean, median, variance
from typing import Any

from l2h.evaluation import power
from l2h.evaluation.power import Design, Spread
from l2h.evaluation.significance import SIGNIFICANCE
from l2h.report.differences import Methods, Pair, Setting, pairs

TARGETS = (0.005, 0.01, 0.02)  # differences in mAP

Tested = dict[tuple[Setting, int], list[tuple[Pair, Spread]]]  # by setting and code length


def of_settings(methods: Methods) -> list[Design]:
    """Designs of each setting and code length with pairs to test and several trainings of a method."""
    tested: Tested = {}
    for pair in pairs(methods):
        if pair.one.known and pair.other.known:
            spread = power.spread(pair.one, pair.other)
            tested.setdefault((pair.setting, pair.first[1]), []).append((pair, spread))
    splits = _between_splits(tested)
    designs = []
    for (setting, bits), some in tested.items():
        trainings = max(len(method.values) for pair, _ in some for method in (pair.one, pair.other))
        if trainings == 1:
            continue
        number = some[0][0].one.values.shape[1]
        ranked = sorted((spread for _, spread in some), key=lambda spread: power.detectable(spread, trainings, number))
        typical = ranked[len(ranked) // 2]
        designs.append(Design(setting, bits, trainings, number, len(some), typical, splits.get(_drawn(setting, bits))))
    return designs


def _drawn(setting: Setting, bits: int) -> tuple[Any, ...]:
    """Key shared by splits of one protocol that were drawn with different seeds."""
    dataset, protocol, *rest = setting
    return dataset, re.sub(r"-seed\d+$", "", protocol), *rest, bits


def _between_splits(tested: Tested) -> dict[tuple[Any, ...], float]:
    """Variance of a difference between splits not explained by queries and trainings: median over pairs."""
    differences: dict[tuple[Any, ...], dict[Any, list[tuple[float, float]]]] = {}
    for (setting, bits), some in tested.items():
        for pair, spread in some:
            S, Q = max(len(pair.one.values), len(pair.other.values)), pair.one.values.shape[1]
            value = float(pair.one.values.mean() - pair.other.values.mean())
            explained = sum(part for part, _ in spread.parts(S, Q))
            by_pair = differences.setdefault(_drawn(setting, bits), {})
            by_pair.setdefault((pair.first, pair.second), []).append((value, explained))
    return {
        drawn: median(
            max(variance(value for value, _ in found) - mean(part for _, part in found), 0.0)
            for found in by_pair.values()
        )
        for drawn, by_pair in differences.items()
        if all(len(found) > 1 for found in by_pair.values())
    }


def sentence(designs: Sequence[Design]) -> str:
    """Describe the differences that the run can detect, and the sources of variance; "" without designs."""
    if not designs:
        return ""
    found = [design.detectable() for design in designs]
    first = designs[0]
    size = f"{min(found):.3f}" if len(found) == 1 else f"{min(found):.3f} to {max(found):.3f}, by code length,"
    shares = {name: mean(design.shares()[name] for design in designs) for name in first.shares()}
    *others, last = (f"{share:.0%} from {name}" for name, share in shares.items())
    return (
        f"With {first.trainings} trainings and {first.queries:,} queries, a true difference in mAP of {size} is "
        f"detected with a probability of {power.POWER:.0%} at p < {SIGNIFICANCE}, corrected for the {first.pairs} "
        f"pairs of a code length. Variance of a difference: {', '.join(others)} and {last}."
    )
