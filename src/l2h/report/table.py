"""The report's table of all results: its columns, and the marked values."""

from collections.abc import Iterable
from typing import Any

import pandas as pd

from l2h import metrics
from l2h.report.answer import BEST, LEVEL, Pairs, marks
from l2h.store.cells import EXACT

# headings of the columns on uncertainty, next to mAP
SPREAD = {"map_low": "95% CI", "map_std": "± seeds"}
COMMON = 0.5  # a best value shared by more than this share of rows is not marked
KEY = ("dataset", "protocol", "backbone")


def table(groups: Iterable[pd.DataFrame], pairs: Pairs) -> dict[str, Any]:
    """The comparison as data for the template.

    Parameters
    ----------
    groups : rows to compare with each other, from `l2h.report.comparison.compare`
    pairs : from `l2h.report.answer.tested_pairs`

    Returns
    -------
    "columns", those with values: name, head, metric (its name), k (0 if it has none), figure (its format); "apart",
    the columns of KEY needed to distinguish settings; "places", "metrics" and "depths", the options of the filters;
    "rows": dicts of the comparison's row, its "place", "best", the columns in which it is best of its setting and
    code length, and "level", true if its mAP is not significantly lower than the best
    """
    marked = []
    for rows in groups:
        place = ", ".join(rows.iloc[0][list(KEY)])
        marked.append(_marked(rows, pairs).assign(place=place))
    whole = pd.concat(marked)
    known = metrics.registered()
    columns = [
        column
        for name in _beside_map(whole)
        if (column := _column(name))
        and (whole[name].fillna(0).any() if known[column["metric"]].warning else whole[name].notna().any())
    ]
    return {
        "columns": columns,
        "apart": _apart(whole),
        "places": list(dict.fromkeys(whole["place"])),
        "metrics": {column["metric"]: known[column["metric"]].axis for column in columns},
        "depths": sorted({column["k"] for column in columns} - {0}),
        "rows": whole.to_dict("records"),
    }


def _apart(rows: pd.DataFrame) -> list[str]:
    names: list[str] = []
    for name in KEY:
        if len(rows.value_counts([*names, name])) > (len(rows.value_counts(names)) if names else 1):
            names.append(name)
    return names


def _column(name: str) -> dict[str, Any] | None:
    """Description of a column of the comparison; None if it is not a metric."""
    if name in SPREAD:
        return {"name": name, "metric": "map", "k": 0, "head": SPREAD[name], "figure": "%.3f"}
    column = metrics.columns().get(name)
    if column is None:
        return None
    return {"name": name, "metric": column.metric.name, "k": column.k, "head": column.head, "figure": column.format}


def _beside_map(rows: pd.DataFrame) -> list[str]:
    """The names of columns, with those of SPREAD after mAP."""
    names = [name for name in rows if name not in SPREAD]
    place = names.index("map") + 1
    return [*names[:place], *SPREAD, *names[place:]]


def _marked(rows: pd.DataFrame, pairs: Pairs) -> pd.DataFrame:
    """The rows with "best" and "level"; exact search has no code length, so it is neither.

    mAP is marked only if tested. Bounds of tie orders, and values shared by most rows, are not marked.
    """
    coded = rows[rows["scope"] != EXACT]
    best: dict[Any, set[str]] = {index: set() for index in rows.index}
    for name, column in metrics.columns().items():
        if name == "map" or name not in rows or not column.metric.better or column.at.ties in ("worst", "best"):
            continue
        values = coded[name]
        winner = values.groupby(coded["bits"]).transform("max" if column.metric.better == "higher" else "min")
        won = values == winner
        for index in values.index[won & (won.groupby(coded["bits"]).transform("mean") <= COMMON)]:
            best[index].add(name)
    level = pd.Series(False, rows.index)
    for _, some in coded.groupby("bits"):
        for index, mark in zip(some.index, marks(some.to_dict("records"), pairs), strict=True):
            level[index] = mark == LEVEL
            best[index] |= {"map"} if mark == BEST else set()
    return rows.assign(best=list(best.values()), level=level)
