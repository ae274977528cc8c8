"""Summary at the end of a run: for each setting, a small table of mAP, methods by code lengths."""

from collections.abc import Mapping

import pandas as pd

from l2h import paths
from l2h.charts.chart import BASELINE
from l2h.report.answer import ahead
from l2h.report.comparison import split_off
from l2h.report.differences import SETTING
from l2h.runs import description
from l2h.store.cells import EXACT
from l2h.store.results import read_frame

RECALL = "recall_at_100"


def of_run(folder: str) -> str:
    """Summary of the finished run in a folder, with the paths of its tables and report."""
    table = f"{folder}/{paths.COMPARISON}"
    splits = description.read(folder)["splits"]
    near = {tuple(place.split("/")): split["neighbours"] for place, split in splits.items() if "neighbours" in split}
    text = summary(read_frame(f"{table}.parquet"), near)
    return f"\n{text}\n\nall values: {table}.csv\nreport:     {folder}/{paths.REPORT}"


def summary(comparison: pd.DataFrame, neighbours: Mapping[tuple[str, ...], int] | None = None) -> str:
    """A table for each dataset, protocol and backbone, and a line for each dataset or method not run.

    Parameters
    ----------
    neighbours : number of relevant nearest neighbours, for datasets and protocols that define relevance by them
    """
    ran, not_run = split_off(comparison)
    tables = []
    for setting, rows in ran.groupby(SETTING, sort=False):
        tables.append(_table(setting, rows))
        near = (neighbours or {}).get(setting[:2])
        if near and rows[RECALL].notna().any():
            tables.append("\n".join([f"recall@100 of the {near} nearest neighbours", *_by_bits(rows, RECALL)]))
    return "\n\n".join([*tables, *(["\n".join(f"not run: {line}" for line in not_run)] if not_run else [])])


def _by_bits(rows: pd.DataFrame, column: str) -> list[str]:
    """Lines of a table of one column, methods by code lengths."""
    hashes = rows[rows["scope"] != EXACT]
    if hashes.empty:
        return []
    values = hashes.pivot_table(index="variant", columns="bits", values=column, sort=False).sort_index(axis=1)
    cells = [["bits", *map(str, values.columns)]]
    cells += [[name, *("" if pd.isna(one) else f"{one:.3f}" for one in row)] for name, *row in values.itertuples()]
    first = max(len(row[0]) for row in cells)
    return ["  " + row[0].ljust(first) + "".join(f"{text:>7}" for text in row[1:]).rstrip() for row in cells]


def _table(setting: tuple[str, ...], rows: pd.DataFrame) -> str:
    dataset, protocol, backbone, weights = setting
    features = ", untrained network: random features" if weights.startswith("untrained") else ""
    trainings = rows["seeds"].max()
    over = "one training" if trainings == 1 else f"means of {trainings} trainings"
    lines = [f"{dataset} ({protocol}, {backbone}{features}): mAP over the whole database, {over}"]
    lines += _by_bits(rows, "map")
    exact = rows[rows["scope"] == EXACT]
    if len(exact):
        lines.append(f"  exact search on the features: {', '.join(map(_score, exact.to_dict('records')))}")
    baselines = [row for row in ahead(rows) if row["scope"] == BASELINE]
    if baselines:
        lines.append(f"  no hash reaches {', '.join(map(_score, baselines))}")
    return "\n".join(lines)


def _score(row: dict) -> str:
    return f"{row['variant']} {row['map']:.3f}"
