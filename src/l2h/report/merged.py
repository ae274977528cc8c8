"""Merge finished runs into one table, and into the input of one report."""

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from l2h import paths
from l2h.errors import L2HError
from l2h.evaluation.power import Design
from l2h.report import cost_columns, curves, differences, power
from l2h.report.differences import SETTING
from l2h.runs import FOLDERS, Run
from l2h.store.cells import CELL_KEY
from l2h.store.results import AUDIT, COSTS, iter_metrics, iter_queries, read_frame, read_rows
from l2h.store.tables import CURE

CellTable = tuple[dict[str, Any], pa.Table]  # a cell's key and its table
MAP = ("map", "map_std", "map_low", "map_high", "map_worst", "map_best", "map_unseen")


@dataclass(frozen=True)
class Merged:
    """Merged results of runs, as input of the report; variants are named "<run>: <variant>".

    Attributes
    ----------
    comparison : the runs' tables, with a first column `run` and the variants' original names; rows of the same
        dataset, protocol, backbone, weights, variant and code length are adjacent
    joined, differences, audits, curves, designs, runs, supervised : see `l2h.report.page.render`; differences are
        tested between the runs' methods too, because their queries are the same
    """

    comparison: pd.DataFrame
    joined: pd.DataFrame
    differences: pd.DataFrame
    audits: pd.DataFrame
    curves: pd.DataFrame
    designs: list[Design]
    runs: dict[str, dict[str, Any]]
    supervised: set[str]


def merge(folders: Sequence[Path]) -> Merged:
    """Read finished runs.

    Raises
    ------
    L2HError
        there are fewer than two runs; or they have different splits or metrics of the same name, so that values in one
        column would not be comparable
    """
    runs = _named([Run(folder) for folder in folders])
    _require_same_meaning({name: run.facts for name, run in runs.items()})
    parts = {name: _Part(name, run) for name, run in runs.items()}
    deterministic = {label for part in parts.values() for label in part.labels("deterministic")}
    methods = differences.methods((cell for part in parts.values() for cell in part.queries()), deterministic)

    def together(read: Callable[[_Part], pd.DataFrame]) -> pd.DataFrame:
        return pd.concat([read(part) for part in parts.values()], ignore_index=True)

    return Merged(
        _in_order(pd.concat([part.comparison.assign(run=name) for name, part in parts.items()], ignore_index=True)),
        _in_order(together(_Part.joined)),
        differences.between_methods(methods),
        together(_Part.audits),
        together(_Part.curves),
        power.of_settings(methods),
        {name: run.facts for name, run in runs.items()},
        {label for part in parts.values() for label in part.labels("supervised")},
    )


class _Part:
    """One of the merged runs."""

    def __init__(self, name: str, run: Run):
        self.name = name
        self.run = run
        self.comparison = _comparison(run)
        places = dict.fromkeys(self.comparison[list(FOLDERS)].itertuples(index=False, name=None))
        self._order = {place: rank for rank, place in enumerate(places)}
        self._queries = self._cells(paths.QUERIES, iter_queries)
        known = {tuple(key[name] for name in FOLDERS) for key, _ in self._queries}
        _require_cells(run, self.comparison, known)
        self._settings = [
            setting for setting in run.settings if any(place[:3] == tuple(setting.values()) for place in known)
        ]

    def _cells(self, template: str, read: Callable[[Path], Iterable[CellTable]]) -> list[CellTable]:
        """The run's cells in the order of its table, without leftovers of other configs of its name."""
        rows = set(self.comparison[[*FOLDERS, "bits"]].itertuples(index=False, name=None))
        seeds = self.run.facts["settings"]["seeds"]

        def rank(cell: CellTable) -> tuple[int, int, int]:
            key = cell[0]
            return self._order[tuple(key[name] for name in FOLDERS)], key["bits"], key["seed"]

        found = (cell for setting in self.run.settings for cell in read(self.run.file(template, setting)))
        return sorted(
            (
                (key, table)
                for key, table in found
                if tuple(key[name] for name in (*FOLDERS, "bits")) in rows and key["seed"] in seeds
            ),
            key=rank,
        )

    def queries(self) -> Iterator[CellTable]:
        """Average precisions, as input of `differences.methods`."""
        for key, table in self._queries:
            yield {**key, "variant": self._label(key["variant"])}, table

    def labels(self, kind: str) -> list[str]:
        """The variants of a kind, "supervised" or "deterministic", with the run's name as prefix."""
        return [self._label(variant) for variant in self.run.facts[kind]]

    def joined(self) -> pd.DataFrame:
        """The comparison joined with the costs of the run's machine."""
        measured = [read_rows(path, COSTS) for path in self._beside(paths.COSTS)]
        joined = cost_columns.join(self.comparison, measured)
        not_run = joined["not_run"].where(joined["not_run"] == "", self._label(joined["not_run"]))
        return self._labelled(joined.assign(not_run=not_run))

    def audits(self) -> pd.DataFrame:
        """Rows of the audits."""
        tables = (read_rows(path, AUDIT) for path in self._beside(paths.AUDIT))
        return self._labelled(pa.concat_tables([AUDIT.empty_table(), *tables]).to_pandas())

    def curves(self) -> pd.DataFrame:
        """The precision-recall curves."""
        metrics = self._cells(paths.METRICS, iter_metrics)
        return self._labelled(curves.precision_recall([rows for _, rows in metrics]))

    def _beside(self, template: str) -> Iterable[Path]:
        found = (self.run.file(template, setting) for setting in self._settings)
        return (path for path in found if path.exists())

    def _label(self, variant: Any) -> Any:
        return f"{self.name}: " + variant

    def _labelled(self, rows: pd.DataFrame) -> pd.DataFrame:
        return rows.assign(variant=self._label(rows["variant"]))


def _comparison(run: Run) -> pd.DataFrame:
    """A run's table; raises L2HError if its columns are invalid."""
    path = run.folder / f"{paths.COMPARISON}.parquet"
    table = read_frame(path)
    words = [name for name, kind in CELL_KEY.items() if kind == pa.string()] + ["interval", "not_run"]
    figures = table.columns.difference(words)
    if not table.columns.is_unique or not {*words, "bits", "seeds", *MAP} <= set(table.columns):
        raise L2HError(f"{path} is not a comparison: columns are missing or duplicated; {CURE}")
    strange = [name for name in words if not pd.api.types.is_string_dtype(table[name])]
    strange += [name for name in figures if not pd.api.types.is_numeric_dtype(table[name])]
    if strange:
        raise L2HError(f"{path} is not a comparison: its column {strange[0]!r} has the wrong type; {CURE}")
    return table


def _require_cells(run: Run, table: pd.DataFrame, known: set[tuple[str, ...]]) -> None:
    """Raise L2HError if a table has values of a setting without cells in the run's folder."""
    ran = table[table["seeds"] > 0]
    for place in dict.fromkeys(ran[list(FOLDERS)].itertuples(index=False, name=None)):
        if place not in known or f"{place[0]}/{place[1]}" not in run.facts["splits"]:
            what = " ".join(map(str, place))
            raise L2HError(f"{run.folder} has values of {what!r}, but not the cells they come from; run it again")


def _named(runs: list[Run]) -> dict[str, Run]:
    """The runs by their folders' names, or by paths if names are equal."""
    paths = {os.path.realpath(run.folder): run for run in runs}
    if len(paths) < 2:
        raise L2HError("a comparison needs at least two different runs; add another one")
    counts = Counter(Path(path).name for path in paths)
    return {Path(path).name if counts[Path(path).name] == 1 else str(run.folder): run for path, run in paths.items()}


def _require_same_meaning(runs: dict[str, dict[str, Any]]) -> None:
    for (one, facts), (two, others) in combinations(runs.items(), 2):
        for place in facts["splits"].keys() & others["splits"].keys():
            if facts["splits"][place]["sha256"] != others["splits"][place]["sha256"]:
                dataset, protocol = place.split("/")
                raise L2HError(
                    f"{one} and {two} have different splits of {dataset}, {protocol} (their sha256 differ); "
                    "run one of them again, or give its protocol another name"
                )
        for metric in facts["metrics"].keys() & others["metrics"].keys():
            if facts["metrics"][metric] != others["metrics"][metric]:
                raise L2HError(
                    f"{one} and {two} mean different things by {metric}; run the one of the older version of l2h again"
                )


def _in_order(rows: pd.DataFrame) -> pd.DataFrame:
    """Group rows by setting, then by variant and code length, in order of appearance; `run` is first."""
    ranks = {
        name: rows.groupby(key, sort=False, dropna=False).ngroup()
        for name, key in (("setting", SETTING), ("row", cost_columns.ROW))
    }
    ordered = rows.iloc[pd.DataFrame(ranks).sort_values(["setting", "row"], kind="stable").index]
    first = [name for name in ("run",) if name in ordered]
    return ordered[[*first, *ordered.columns.drop(first)]].reset_index(drop=True)
