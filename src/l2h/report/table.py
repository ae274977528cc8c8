"""The report's comparison table: what its columns are, and what is marked in them."""

import re
from collections.abc import Iterable
from typing import Any

import pandas as pd

from l2h.evaluation.cell import METRICS
from l2h.report.answer import Pairs, lower
from l2h.store.cells import EXACT

# of metrics in a column of its own: what the head says beside the metric's axis text
SIDES = {
    "map_std": "± seeds",
    "map_low": "95% from",
    "map_high": "95% to",
    "map_worst": "worst ties",
    "map_best": "best ties",
}
UNMARKED = ("map_std", "map_low", "map_high")
COUNTS = ("distinct_codes", "near_constant_bits", "lone_queries", "lone_queries_unseen")  # and not shares
WARNINGS = ("lone_queries", "lone_queries_unseen", "nothing_chosen")  # shown where they are not 0
KEY = ("dataset", "protocol", "backbone")


def table(groups: Iterable[pd.DataFrame], pairs: Pairs) -> dict[str, Any]:
    """The whole comparison, for the template.

    Parameters
    ----------
    groups : rows that are compared with each other, as `l2h.report.comparison.compare` makes them
    pairs : from `l2h.report.answer.tested_pairs`

    Returns
    -------
    "columns", of figures that some row has: name, head, metric (a name of METRICS), k (0 for what has none), figure
    (its format); "apart", the columns of KEY that it takes to tell settings apart; "places", "metrics" and "depths" to
    choose from; "rows": dicts of the comparison's row, its "place", "best", the columns in which it is best of its
    setting and code length, and "level", whether its mAP was not shown to be lower than the best
    """
    marked = []
    for rows in groups:
        place = ", ".join(rows.iloc[0][list(KEY)])
        columns = [column for name in rows if (column := _column(name))]
        marked.append(_marked(rows, columns, pairs).assign(place=place))
    whole = pd.concat(marked)
    shown = [name for name in whole if (whole[name].fillna(0).any() if name in WARNINGS else whole[name].notna().any())]
    columns = [column for name in shown if (column := _column(name))]
    return {
        "columns": columns,
        "apart": _apart(whole),
        "places": list(dict.fromkeys(whole["place"])),
        "metrics": {column["metric"]: METRICS[column["metric"]].axis for column in columns},
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
    """What the comparison's column holds; None for one that holds no figure."""
    figure = "%.0f" if name in COUNTS else "%.3f"
    if name in METRICS:
        return {"name": name, "metric": name, "k": 0, "head": METRICS[name].axis, "figure": figure}
    if name in SIDES:
        return {"name": name, "metric": "map", "k": 0, "head": SIDES[name], "figure": figure}
    if at := re.fullmatch(r"(map|precision|recall)_at_(\d+)", name):
        head = f"{METRICS[at[1]].axis.removesuffix('@k')}@{at[2]}"
        return {"name": name, "metric": at[1], "k": int(at[2]), "head": head, "figure": figure}
    return None


def _level(row: dict[str, Any], best: dict[str, Any] | None, pairs: Pairs) -> bool:
    return best is not None and row["variant"] != best["variant"] and not lower(row, best, pairs)


def _marked(rows: pd.DataFrame, columns: list[dict[str, Any]], pairs: Pairs) -> pd.DataFrame:
    """The rows with "best" and "level"; exact search has no code length, so it is neither."""
    coded = rows[rows["scope"] != EXACT]
    best: dict[Any, set[str]] = {index: set() for index in rows.index}
    for column in columns:
        better = METRICS[column["metric"]].better
        if better and column["name"] not in UNMARKED:
            values = coded[column["name"]]
            winner = values.groupby(coded["bits"]).transform("max" if better == "higher" else "min")
            for index in values.index[values == winner]:
                best[index].add(column["name"])
    winners = {row["bits"]: row for row in coded.loc[coded.groupby("bits")["map"].idxmax()].to_dict("records")}
    return rows.assign(
        best=list(best.values()),
        level=[_level(row, winners.get(row["bits"]), pairs) for row in rows.to_dict("records")],
    )
