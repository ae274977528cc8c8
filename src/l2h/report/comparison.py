"""Table of all cells' metrics: one row per dataset, protocol, backbone, variant and code length."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pandas as pd
import pyarrow as pa

from l2h import metrics
from l2h.errors import L2HError
from l2h.metrics import At
from l2h.report.differences import Methods, intervals
from l2h.store.cells import CELL_KEY
from l2h.store.files import atomic
from l2h.store.results import write_frame

KEY = [name for name in CELL_KEY if name != "seed"]


def compare(
    cells: Iterable[pa.Table],
    methods: Methods,
    not_run: Sequence[Mapping[str, str]] = (),
) -> pd.DataFrame:
    """Means over seeds, in the order of the cells, followed by datasets and methods that were not run.

    Parameters
    ----------
    cells : each cell's tidy metrics
    methods : the cells' average precisions, from `l2h.report.differences.methods`
    not_run : dataset, protocol, and the reason in not_run, for each unavailable dataset and, with the whole key of its
        cell, each impossible training

    Returns
    -------
    columns dataset .. bits; seeds, their number; those of `l2h.metrics.columns`, and after map its standard deviation
    over seeds, map_std, empty for one seed; map_low, map_high (95 %), interval (what they cover, or why there is none);
    not_run, empty if the cell was run; otherwise seeds is 0 and all other values are empty

    Raises
    ------
    L2HError
        no cell was run
    """
    tables = list(cells)
    if not tables:
        raise L2HError(f"nothing could be run: {'; '.join(dict.fromkeys(one['not_run'] for one in not_run))}")
    tidy = pa.concat_tables(tables).to_pandas()
    columns, known = {}, dict(iter(tidy.groupby("metric")))
    for name, column in metrics.columns().items():
        values = _values(known.get(column.metric.name, tidy[:0]), column.at)
        columns[name] = values.mean()
        if name == "map":
            columns["map_std"] = values.std()
    seeds = tidy.groupby(KEY, sort=False)["seed"].nunique().rename("seeds")
    table = pd.concat([seeds, pd.DataFrame(columns)], axis=1).reset_index()
    table = table.merge(intervals(methods), how="left").astype({"bits": "Int64"})  # an integer, or empty
    absent = [{**{name: value for name, value in one.items() if name != "seed"}, "seeds": 0} for one in not_run]
    rows = pd.DataFrame(absent).drop_duplicates()  # all seeds of a cell have the same reason
    if "bits" in rows:
        rows["bits"] = pd.to_numeric(rows["bits"]).astype("Int64")
    return pd.concat([table.assign(not_run=""), rows], ignore_index=True)


def split_off(comparison: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """The rows that were run, and a line for each dataset, or method at a code length, that was not."""
    ran = comparison["seeds"] > 0
    lines = []
    for row in comparison[~ran].to_dict("records"):
        cell = "" if pd.isna(row["variant"]) else f", {row['backbone']}): {row['variant']} at {row['bits']} bits"
        lines.append(f"{row['dataset']} ({row['protocol']}{cell or ')'}: {row['not_run']}")
    return comparison[ran].astype({"bits": "int64"}), lines


def write(comparison: pd.DataFrame, csv: str | Path, parquet: str | Path, markdown: str | Path) -> None:
    """Write the table in three formats, independent of time and location."""
    with atomic(csv) as part:
        comparison.to_csv(part, index=False, float_format="%.6f", lineterminator="\n")
    write_frame(parquet, comparison)
    with atomic(markdown) as part:
        shown = comparison.astype(object).where(comparison.notna(), None)
        part.write_text(shown.to_markdown(index=False, floatfmt=".4f", missingval="") + "\n", encoding="utf-8")


def _values(rows: pd.DataFrame, at: At) -> "pd.api.typing.SeriesGroupBy":
    """The cells' values at one `At` of a metric, grouped by row."""
    for name, value in at._asdict().items():
        rows = rows[rows[name].isna() if value is None else rows[name] == value]
    return rows.groupby(KEY, sort=False)["value"]
