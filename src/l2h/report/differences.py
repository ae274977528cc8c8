"""Which methods differ by more than the choice of queries: paired bootstrap, and intervals from the same resamples."""

from collections.abc import Iterable
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from l2h import bootstrap, store
from l2h.bootstrap import Floats
from l2h.errors import L2HError

Queries = Iterable[tuple[pa.Table, dict[str, Any]]]

PLACE = ["dataset", "protocol", "backbone", "weights"]
EXACT = "exact"  # the scope of search on the features, which has no code length
EXTERNAL = "external"  # the scope of codes from another program, which have no backbone

Place = tuple[str, ...]
Variant = tuple[str, int, str]  # name, bits, scope
Cells = dict[Variant, list[pa.Table]]  # each variant's tables, one a seed


def intervals(queries: Queries) -> pd.DataFrame:
    """95% intervals of mAP over the choice of queries.

    Parameters
    ----------
    queries : each cell's average precisions and key, from `l2h.store.read_queries`

    Returns
    -------
    columns dataset, protocol, backbone, weights, variant, bits; map_low, map_high
    """
    rows = []
    for place, cells in _places(queries).items():
        means = bootstrap.resampled_means(_values(place, cells))
        for (variant, bits, _), low, high in zip(cells, *bootstrap.interval(means), strict=True):
            rows.append([*place, variant, bits, low, high])
    return pd.DataFrame(rows, columns=[*PLACE, "variant", "bits", "map_low", "map_high"])


def between_methods(queries: Queries) -> pd.DataFrame:
    """Differences in mAP of every two variants at one code length, with 95% interval and two-sided p.

    Exact search is compared with the codes of every length. External codes are compared with each other, and with the
    methods of every backbone in rows of that backbone.

    Returns
    -------
    columns dataset, protocol, backbone, weights, bits, variant, other, difference (of variant - other), low, high, p;
    exact search is the other wherever its counterpart has codes
    """
    rows = []
    places = _places(queries)
    for place, own in places.items():
        cells = own | _external(places, place)
        values = _values(place, cells)
        means = bootstrap.resampled_means(values)
        exact_last = sorted(enumerate(cells), key=lambda entry: entry[1][2] == EXACT)
        for (one, first), (two, second) in combinations(exact_last, 2):
            if not _comparable(first, second) or not {first, second} & own.keys():
                continue
            resampled = means[:, one] - means[:, two]
            low, high = bootstrap.interval(resampled)
            difference = values[:, one].mean() - values[:, two].mean()
            (variant, bits, _), (other, _, _) = first, second
            rows.append([*place, bits, variant, other, difference, low, high, bootstrap.p_value(resampled)])
    return pd.DataFrame(rows, columns=[*PLACE, "bits", "variant", "other", "difference", "low", "high", "p"])


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


def _values(place: Place, cells: Cells) -> Floats:
    """Each variant's average precisions, (Q, variants), the means over its seeds."""
    ids = next(iter(cells.values()))[0]["query_id"]
    if any(table["query_id"] != ids for tables in cells.values() for table in tables):
        raise L2HError(f"the cells of {', '.join(place)} were ranked for different queries; delete them, run again")
    means = [np.mean([table["average_precision"].to_numpy() for table in tables], axis=0) for tables in cells.values()]
    return np.stack(means, axis=1)
