"""Which methods differ by more than the choice of queries: paired bootstrap, and intervals from the same resamples."""

from collections.abc import Iterable, Iterator
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

Variant = tuple[str, int, str]  # name, bits, scope


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
    for place, variants, means, _ in _resampled(queries):
        for (variant, bits, _), low, high in zip(variants, *bootstrap.interval(means), strict=True):
            rows.append({**place, "variant": variant, "bits": bits, "map_low": low, "map_high": high})
    return pd.DataFrame(rows)


def between_methods(queries: Queries) -> pd.DataFrame:
    """Differences in mAP of every two variants at one code length, with 95% interval and two-sided p.

    Exact search is compared with the codes of every length.

    Returns
    -------
    columns dataset, protocol, backbone, weights, bits, variant, other, difference (of variant - other), low, high, p;
    exact search is the other wherever its counterpart has codes
    """
    rows = []
    for place, variants, means, values in _resampled(queries):
        exact_last = sorted(enumerate(variants), key=lambda entry: entry[1][2] == EXACT)
        for (one, (variant, bits, scope)), (two, (other, other_bits, other_scope)) in combinations(exact_last, 2):
            if bits != other_bits and (scope == EXACT or other_scope != EXACT):
                continue
            resampled = means[:, one] - means[:, two]
            low, high = bootstrap.interval(resampled)
            difference = values[:, one].mean() - values[:, two].mean()
            p = bootstrap.p_value(resampled)
            named = {"bits": bits, "variant": variant, "other": other}
            rows.append({**place, **named, "difference": difference, "low": low, "high": high, "p": p})
    columns = [*PLACE, "bits", "variant", "other", "difference", "low", "high", "p"]
    return pd.DataFrame(rows, columns=columns)


def write(table: pd.DataFrame, path: str | Path) -> None:
    """Write the differences as CSV."""
    with store.atomic(path) as part:
        table.to_csv(part, index=False, float_format="%.6f", lineterminator="\n")


def _resampled(queries: Queries) -> Iterator[tuple[dict[str, Any], list[Variant], Floats, Floats]]:
    """Yield, for each place, its variants, their resampled means (resamples, n), and their values (Q, n).

    A variant's value for a query is the mean over its seeds.
    """
    places: dict[tuple[str, ...], dict[Variant, list[pa.Table]]] = {}
    for table, key in queries:
        place = tuple(key[name] for name in PLACE)
        places.setdefault(place, {}).setdefault((key["variant"], key["bits"], key["scope"]), []).append(table)
    for place, cells in places.items():
        ids = next(iter(cells.values()))[0]["query_id"]
        if any(table["query_id"] != ids for tables in cells.values() for table in tables):
            raise L2HError(f"the cells of {', '.join(place)} were ranked for different queries; delete them, run again")
        values = np.stack(
            [np.mean([table["average_precision"].to_numpy() for table in tables], axis=0) for tables in cells.values()],
            axis=1,
        )
        yield dict(zip(PLACE, place, strict=True)), list(cells), bootstrap.resampled_means(values), values
