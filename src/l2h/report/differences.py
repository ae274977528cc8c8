"""Intervals of mAP, and tests of the differences between methods; see `l2h.evaluation.significance`."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import TypeVar

import numpy as np
import pandas as pd
import pyarrow as pa

from l2h.errors import L2HError
from l2h.evaluation import significance
from l2h.evaluation.significance import Trainings
from l2h.store.cells import EXACT, Key
from l2h.store.files import atomic

SETTING = ["dataset", "protocol", "backbone", "weights"]
# A kind of method without training: the column `scope` holds the kind instead, as for EXACT.
EXTERNAL = "external"  # codes from another program, without a backbone

Setting = tuple[str, ...]
Variant = tuple[str, int, str]  # name, bits, and the value of the column `scope`
Methods = Mapping[Setting, Mapping[Variant, Trainings]]
T = TypeVar("T")


@dataclass(frozen=True)
class Pair:
    """Two variants of one setting, and their average precisions for the same queries."""

    setting: Setting
    first: Variant
    second: Variant
    one: Trainings
    other: Trainings


def methods(queries: Iterable[tuple[Key, pa.Table]], deterministic: Collection[str] = ()) -> Methods:
    """Collect the average precisions of each setting's variants, in the order of the cells.

    Parameters
    ----------
    queries : each cell's key and average precisions, from `l2h.store.results.iter_queries`
    deterministic : variants, besides exact search, whose result does not depend on the seed

    Raises
    ------
    L2HError
        compared cells were ranked for different queries
    """
    settings: dict[Setting, dict[Variant, list[pa.Table]]] = {}
    for key, rows in queries:
        setting = tuple(key[name] for name in SETTING)
        table = rows.select(["query_id", "average_precision"])
        settings.setdefault(setting, {}).setdefault((key["variant"], key["bits"], key["scope"]), []).append(table)
    for setting in settings:
        first, *others = (table["query_id"] for tables in _compared(settings, setting).values() for table in tables)
        if any(ids != first for ids in others):
            raise L2HError(
                f"the cells of {', '.join(setting)} were ranked for different queries; delete them and run again"
            )
    return {
        setting: {
            variant: Trainings(
                np.stack([table["average_precision"].to_numpy() for table in tables]),
                variant[2] == EXACT or variant[0] in deterministic,
            )
            for variant, tables in own.items()
        }
        for setting, own in settings.items()
    }


def intervals(of: Methods) -> pd.DataFrame:
    """95 % intervals of mAP.

    Returns
    -------
    columns dataset, protocol, backbone, weights, variant, bits; map_low, map_high, empty without an interval;
    interval, what it covers, or why there is none
    """
    rows = []
    for setting, own in of.items():
        for (variant, bits, _), values in own.items():
            found = significance.mean(values)
            rows.append([*setting, variant, bits, found.low, found.high, found.interval])
    return pd.DataFrame(rows, columns=[*SETTING, "variant", "bits", "map_low", "map_high", "interval"])


def between_methods(of: Methods) -> pd.DataFrame:
    """Differences in mAP of all pairs of variants at a code length, with 95 % interval and two-sided p.

    Exact search is compared with the codes of every length. External codes are compared with each other, and with the
    methods of every backbone in rows of that backbone.

    Returns
    -------
    columns dataset, protocol, backbone, weights, bits, variant, other, difference (of variant - other), low, high,
    interval (what it covers, or why there is none), p, p_holm (corrected for the pairs tested at the setting and code
    length); p is empty if a pair cannot be tested. Exact search is always `other`, unless both are exact searches
    """
    rows = []
    for pair in pairs(of):
        found = significance.difference(pair.one, pair.other)
        (variant, bits, _), (other, _, _) = pair.first, pair.second
        rows.append([*pair.setting, bits, variant, other, found.value, found.low, found.high, found.interval, found.p])
    columns = [*SETTING, "bits", "variant", "other", "difference", "low", "high", "interval", "p"]
    table = pd.DataFrame(rows, columns=columns).astype({"p": float})
    return table.assign(p_holm=table.groupby([*SETTING, "bits"])["p"].transform(significance.holm))


def pairs(of: Methods) -> Iterator[Pair]:
    """Yield all pairs of variants that `between_methods` compares."""
    for setting, own in of.items():
        known = _compared(of, setting)
        for first, second in combinations(sorted(known, key=lambda variant: variant[2] == EXACT), 2):
            if _comparable(first, second) and {first, second} & own.keys():
                yield Pair(setting, first, second, known[first], known[second])


def write(table: pd.DataFrame, path: str | Path) -> None:
    """Write the differences as CSV."""
    with atomic(path) as part:
        table.to_csv(part, index=False, float_format="%.6f", lineterminator="\n")


def _compared(settings: Mapping[Setting, Mapping[Variant, T]], setting: Setting) -> dict[Variant, T]:
    """A setting's own variants, and the external codes of its dataset and protocol."""
    external = {
        variant: one
        for (dataset, protocol, *_), some in settings.items()
        for variant, one in some.items()
        if (dataset, protocol) == setting[:2] and variant[2] == EXTERNAL
    }
    return {**settings[setting], **external}


def _comparable(one: Variant, other: Variant) -> bool:
    """True if both have the same code length, or only the other is exact search, which has none."""
    return one[1] == other[1] or (one[2] != EXACT and other[2] == EXACT)
