"""The summary of a run: for each setting, the highest mAP of each kind of method."""

from collections.abc import Collection

import pandas as pd

from l2h import paths
from l2h.report.answer import BASELINE, ahead, answers
from l2h.report.comparison import split_off
from l2h.report.differences import SETTING
from l2h.store.cells import EXACT
from l2h.store.results import read_frame


def of_run(folder: str, supervised: Collection[str]) -> str:
    """The summary of a finished run, by its folder, and where its tables and its report are."""
    table = f"{folder}/{paths.COMPARISON}"
    lines = summary(read_frame(f"{table}.parquet"), set(supervised))
    return f"\n{lines}\nall figures: {table}.csv\nreport:      {folder}/{paths.REPORT}"


def summary(comparison: pd.DataFrame, supervised: set[str]) -> str:
    """A line on each data set, protocol and backbone, and one on each data set that was not run.

    Parameters
    ----------
    comparison : the table
    supervised : the variants that need labels
    """
    ran, not_run = split_off(comparison)
    lines = []
    for (dataset, protocol, backbone, weights), rows in ran.groupby(SETTING, sort=False):
        best = [f"{entry['group']}, {_figure(entry['best'])}" for entry in answers(rows, {}, supervised)]
        exact = rows[rows["scope"] == EXACT]
        if len(exact):
            best.append(f"exact search, {_figure(exact.loc[exact['map'].idxmax()])}")
        baselines = [_figure(row) for row in ahead(rows) if row["scope"] == BASELINE]
        if baselines:
            best.append(f"no hash reaches {', '.join(baselines)}")
        features = ", untrained network: random features" if weights.startswith("untrained") else ""
        lines.append(f"{dataset} ({protocol}, {backbone}{features}): {'; '.join(best)}")
    trainings = ran["seeds"].max()
    means = "in this training" if trainings == 1 else f"means of {trainings} trainings"
    return "\n".join(
        [f"Highest mAP over the whole database, {means}", *lines, *(f"not run: {line}" for line in not_run)]
    )


def _figure(row: "pd.Series | dict") -> str:
    length = "" if row["scope"] == EXACT else f" at {row['bits']} bits"
    return f"{row['variant']} {row['map']:.3f}{length}"
