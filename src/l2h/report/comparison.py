"""Many cells' metrics to one table: a row per dataset, protocol, backbone, variant and code length."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pandas as pd
import pyarrow as pa

from l2h.errors import L2HError
from l2h.report.differences import Methods, intervals
from l2h.store.cells import CELL_KEY
from l2h.store.files import atomic
from l2h.store.results import write_frame

# metrics of which a cell has one figure, and which the table shows
SINGLE = [
    "precision_in_radius",
    "empty_in_radius",
    "tied_pairs",
    "distinct_codes",
    "near_constant_bits",
    "lone_queries",
    "lone_queries_unseen",
    "nothing_chosen",
]
AT_K = ("map", "precision", "recall")  # of which it has a figure for each k that was measured
KEY = [name for name in CELL_KEY if name != "seed"]


def compare(
    metrics: Iterable[pa.Table],
    methods: Methods,
    not_run: Sequence[Mapping[str, str]] = (),
) -> pd.DataFrame:
    """Means over seeds, in the order in which the cells come, and then what was not run.

    Parameters
    ----------
    metrics : each cell's tidy metrics
    methods : the cells' average precisions, from `l2h.report.differences.methods`
    not_run : dataset, protocol, and not_run, which says why: of each data set that cannot be had, and of each training
        that was impossible, which has all of the cell's key beside

    Returns
    -------
    columns dataset .. bits; seeds, their number; map, map_std (over seeds, empty for one), map_low, map_high (95 %),
    interval (what they cover, or why there is none), map_worst, map_best (ties), map_unseen, map_at_<k>, normalised by
    the retrieved, precision_at_<k>, recall_at_<k>, all three empty where the database has fewer than k items, and those
    of SINGLE; expected under ties unless named otherwise; not_run, which is empty for what was run, and beside 0 seeds
    the only value of what was not

    Raises
    ------
    L2HError
        nothing was run
    """
    tables = list(metrics)
    if not tables:
        raise L2HError(f"nothing could be run: {'; '.join(dict.fromkeys(one['not_run'] for one in not_run))}")
    tidy = pa.concat_tables(tables).to_pandas()
    whole = tidy[tidy["k"].isna()]
    columns = {
        "map": _mean(whole, "map", "expected"),
        "map_std": _values(whole, "map", "expected").std(),
        "map_worst": _mean(whole, "map", "worst"),
        "map_best": _mean(whole, "map", "best"),
        "map_unseen": _mean(whole, "map_unseen", "expected"),
    }
    at_k = tidy[tidy["metric"].isin(AT_K) & tidy["k"].notna() & (tidy["normalise"] != "relevant")]
    for name, k in sorted(set(zip(at_k["metric"], at_k["k"].astype(int), strict=True))):
        columns[f"{name}_at_{k}"] = _mean(at_k[at_k["k"] == k], name, "expected")
    for name in SINGLE:
        columns[name] = tidy[tidy["metric"] == name].groupby(KEY, sort=False)["value"].mean()
    seeds = whole.groupby(KEY, sort=False)["seed"].nunique().rename("seeds")
    table = pd.concat([seeds, pd.DataFrame(columns)], axis=1).reset_index()
    table = table.merge(intervals(methods), how="left").astype({"bits": "Int64"})  # a whole number, or empty
    absent = [{**{name: value for name, value in one.items() if name != "seed"}, "seeds": 0} for one in not_run]
    rows = pd.DataFrame(absent).drop_duplicates()  # all seeds of a cell have one reason
    if "bits" in rows:
        rows["bits"] = pd.to_numeric(rows["bits"]).astype("Int64")
    return pd.concat([table.assign(not_run=""), rows], ignore_index=True)


def split_off(comparison: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """The rows of what was run, and a line on each data set, or method at a code length, that was not."""
    ran = comparison["seeds"] > 0
    lines = []
    for row in comparison[~ran].to_dict("records"):
        cell = "" if pd.isna(row["variant"]) else f", {row['backbone']}): {row['variant']} at {row['bits']} bits"
        lines.append(f"{row['dataset']} ({row['protocol']}{cell or ')'}: {row['not_run']}")
    return comparison[ran].astype({"bits": "int64"}), lines


def write(comparison: pd.DataFrame, csv: str | Path, parquet: str | Path, markdown: str | Path) -> None:
    """Write the table in three formats; nothing in them depends on time or place."""
    with atomic(csv) as part:
        comparison.to_csv(part, index=False, float_format="%.6f", lineterminator="\n")
    write_frame(parquet, comparison)
    with atomic(markdown) as part:
        shown = comparison.astype(object).where(comparison.notna(), None)
        part.write_text(shown.to_markdown(index=False, floatfmt=".4f", missingval="") + "\n", encoding="utf-8")


def _values(tidy: pd.DataFrame, metric: str, ties: str) -> "pd.api.typing.SeriesGroupBy":
    return tidy[(tidy["metric"] == metric) & (tidy["ties"] == ties)].groupby(KEY, sort=False)["value"]


def _mean(tidy: pd.DataFrame, metric: str, ties: str) -> pd.Series:
    return _values(tidy, metric, ties).mean()
