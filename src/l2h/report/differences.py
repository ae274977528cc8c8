"""Intervals of mAP, and tests of the differences between methods; see `l2h.inference`."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from l2h import inference, store
from l2h.errors import L2HError
from l2h.inference import Trainings

Queries = Iterable[tuple[pa.Table, dict[str, Any]]]

PLACE = ["dataset", "protocol", "backbone", "weights"]
EXACT = "exact"  # the scope of search on the features, which has no code length
EXTERNAL = "external"  # the scope of codes from another program, which have no backbone

Place = tuple[str, ...]
Variant = tuple[str, int, str]  # name, bits, scope
Cells = dict[Variant, list[pa.Table]]  # each variant's tables, one for each seed


@dataclass(frozen=True)
class Pair:
    """Two variants of one place, and their average precisions for the same queries."""

    place: Place
    first: Variant
    second: Variant
    one: Trainings
    other: Trainings


def intervals(queries: Queries, deterministic: Collection[str] = ()) -> pd.DataFrame:
    """95 % intervals of mAP.

    Parameters
    ----------
    queries : each cell's average precisions and key, from `l2h.store.read_queries`
    deterministic : variants whose result does not depend on the seed, beside exact search

    Returns
    -------
    columns dataset, protocol, backbone, weights, variant, bits; map_low, map_high, empty where there is no interval;
    interval, what it covers, or why there is none
    """
    rows = []
    for place, cells in _places(queries).items():
        for (variant, bits, _), values in _values(place, cells, deterministic).items():
            found = inference.mean(values)
            rows.append([*place, variant, bits, found.low, found.high, found.interval])
    return pd.DataFrame(rows, columns=[*PLACE, "variant", "bits", "map_low", "map_high", "interval"])


def between_methods(queries: Queries, deterministic: Collection[str] = ()) -> pd.DataFrame:
    """Differences in mAP of every two variants at one code length, with 95 % interval and two-sided p.

    Exact search is compared with the codes of every length. External codes are compared with each other, and with the
    methods of every backbone in rows of that backbone.

    Returns
    -------
    columns dataset, protocol, backbone, weights, bits, variant, other, difference (of variant - other), low, high,
    interval (what it covers, or why there is none), p, p_holm (corrected for the pairs tested at the place and code
    length); p is empty where nothing can be tested. Exact search is the other wherever its counterpart has codes
    """
    rows = []
    for pair in pairs(queries, deterministic):
        found = inference.difference(pair.one, pair.other)
        (variant, bits, _), (other, _, _) = pair.first, pair.second
        rows.append([*pair.place, bits, variant, other, found.value, found.low, found.high, found.interval, found.p])
    columns = [*PLACE, "bits", "variant", "other", "difference", "low", "high", "interval", "p"]
    table = pd.DataFrame(rows, columns=columns).astype({"p": float})
    return table.assign(p_holm=table.groupby([*PLACE, "bits"])["p"].transform(inference.holm))


def pairs(queries: Queries, deterministic: Collection[str] = ()) -> Iterator[Pair]:
    """Yield every two variants that `between_methods` compares."""
    places = _places(queries)
    for place, own in places.items():
        cells = _values(place, own | _external(places, place), deterministic)
        for first, second in combinations(sorted(cells, key=lambda variant: variant[2] == EXACT), 2):
            if _comparable(first, second) and {first, second} & own.keys():
                yield Pair(place, first, second, cells[first], cells[second])


def write(table: pd.DataFrame, path: str | Path) -> None:
    """Write the differences as CSV."""
    with store.atomic(path) as part:
        table.to_csv(part, index=False, float_format="%.6f", lineterminator="\n")


def _places(queries: Queries) -> dict[Place, Cells]:
    """The cells of each place, in the order in which they come."""
    places: dict[Place, Cells] = {}
    for table, key in queries:
        place = tuple(key[name] for name in PLACE)
        places.setdefault(place, {}).setdefault((key["variant"], key["bits"], key["scope"]), []).append(table)
    return places


def _external(places: dict[Place, Cells], place: Place) -> Cells:
    """The external codes of a place's data set and protocol."""
    return {
        variant: tables
        for (dataset, protocol, *_), cells in places.items()
        for variant, tables in cells.items()
        if (dataset, protocol) == place[:2] and variant[2] == EXTERNAL
    }


def _comparable(one: Variant, other: Variant) -> bool:
    """Whether both have one code length, or the other alone has none, as exact search."""
    return one[1] == other[1] or (one[2] != EXACT and other[2] == EXACT)


def _values(place: Place, cells: Cells, deterministic: Collection[str]) -> dict[Variant, Trainings]:
    """Each variant's average precisions."""
    ids = next(iter(cells.values()))[0]["query_id"]
    if any(table["query_id"] != ids for tables in cells.values() for table in tables):
        raise L2HError(f"the cells of {', '.join(place)} were ranked for different queries; delete them, run again")
    return {
        (variant, bits, scope): Trainings(
            np.stack([table["average_precision"].to_numpy() for table in tables]),
            scope == EXACT or variant in deterministic,
        )
        for (variant, bits, scope), tables in cells.items()
    }
