"""mAP of one setting as in papers, methods by code lengths; also as LaTeX and Markdown."""

from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd

from l2h.charts.chart import BASELINE
from l2h.report.answer import BEST, LEVEL, Pairs, grouped, marks
from l2h.report.cost_columns import NOTHING
from l2h.store.cells import EXACT

REFERENCES = "for reference"
SPECIAL = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
SPECIAL |= {sign: f"\\{sign}" for sign in "&%$#_{}"}


def matrix(rows: pd.DataFrame, pairs: Pairs, supervised: set[str]) -> dict[str, Any]:
    """The table of one dataset, protocol and backbone.

    Parameters
    ----------
    rows, pairs, supervised : see `l2h.report.answer.answers`

    Returns
    -------
    "bits", the code lengths of the methods, ascending; "marked", true if any cell is marked; "groups", each with
    "name" and "rows", which have "variant"; "cells", for each code length the comparison's row with "mark" (BEST of its
    group and length, LEVEL with it, or ""), or None; "whole", the row of a reference with one value at none of these
    lengths, or None; and "last", the row of the longest code
    """
    bits = sorted(rows.loc[~rows["scope"].isin([EXACT, BASELINE]), "bits"].unique().tolist())
    bits = bits or sorted(rows["bits"].unique().tolist())
    groups: list[dict[str, Any]] = []
    for name, some in grouped(rows, supervised).items():
        parts = [part.to_dict("records") for _, part in some.groupby("bits")]
        cells = [{**row, "mark": mark} for part in parts for row, mark in zip(part, marks(part, pairs), strict=True)]
        groups.append({"name": name, "rows": _rows(cells, list(dict.fromkeys(some["variant"])), bits)})
    references = rows[rows["scope"].isin([EXACT, BASELINE])]
    if len(references):
        cells = [{**row, "mark": ""} for row in references.to_dict("records")]
        groups.append({"name": REFERENCES, "rows": _rows(cells, list(dict.fromkeys(references["variant"])), bits)})
    marked = any(cell and cell["mark"] for group in groups for row in group["rows"] for cell in row["cells"])
    return {"bits": bits, "groups": groups, "marked": marked}


def score(row: dict[str, Any]) -> str:
    """Format a row's mAP with three decimals."""
    return f"{row['map']:.3f}"


def latex(made: dict[str, Any]) -> str:
    """A matrix as a LaTeX table with booktabs: the best bold, those without significant difference underlined."""

    def line(cells: Sequence[str]) -> str:
        return f"{' & '.join(cells)} \\\\"

    styles = {BEST: r"\textbf{%s}", LEVEL: r"\underline{%s}"}
    body = _lines(made, lambda text, mark: styles.get(mark, "%s") % text, "--")
    groups = [[line([_escaped(name), *cells]) for name, cells in rows] for rows in body]
    ruled = [one for group in groups for one in (r"\midrule", *group)]
    head = line(["method", *(f"{bits} bits" for bits in made["bits"])])
    table = [rf"\begin{{tabular}}{{l{'r' * len(made['bits'])}}}", r"\toprule", head, *ruled, r"\bottomrule"]
    return "\n".join([*table, r"\end{tabular}"])


def markdown(made: dict[str, Any]) -> str:
    """A matrix as a Markdown table: the best bold, those without significant difference in italics."""
    styles = {BEST: "**%s**", LEVEL: "*%s*"}
    body = _lines(made, lambda text, mark: styles.get(mark, "%s") % text, NOTHING)
    lines = [["method", *(f"{bits} bits" for bits in made["bits"])], [":--", *["--:"] * len(made["bits"])]]
    lines += [[name.replace("|", "\\|"), *cells] for rows in body for name, cells in rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _rows(cells: list[dict[str, Any]], variants: Sequence[str], bits: Sequence[int]) -> list[dict[str, Any]]:
    found = []
    for variant in variants:
        own = {cell["bits"]: cell for cell in cells if cell["variant"] == variant}
        last = own[max(own)]
        whole = last if last["scope"] == EXACT or not own.keys() & set(bits) else None
        found.append(
            {
                "variant": variant,
                "cells": [None if whole else own.get(one) for one in bits],
                "whole": whole,
                "last": last,
            }
        )
    return found


def _lines(made: dict[str, Any], style: Callable[[str, str], str], nothing: str) -> list[list[tuple[str, list[str]]]]:
    """For each group, the name and styled cells of each row; a single value of a reference fills all cells."""
    return [
        [
            (row["variant"], [style(score(cell), cell["mark"]) if cell else nothing for cell in _filled(row)])
            for row in group["rows"]
        ]
        for group in made["groups"]
    ]


def _filled(row: dict[str, Any]) -> list[dict[str, Any] | None]:
    return [row["whole"]] * len(row["cells"]) if row["whole"] else row["cells"]


def _escaped(text: str) -> str:
    return "".join(SPECIAL.get(sign, sign) for sign in text)
