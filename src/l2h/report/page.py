"""The report: one HTML file that opens offline."""

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import vl_convert
from jinja2 import Environment, PackageLoader, StrictUndefined, Template, select_autoescape

from l2h import charts, metrics
from l2h.charts import Data
from l2h.charts.looks import Drawing
from l2h.evaluation.cost_names import COSTS, DISTURBED, MARK
from l2h.evaluation.power import Design
from l2h.evaluation.significance import QUERIES, SIGNIFICANCE
from l2h.notes import Note
from l2h.report import cost_columns, plots, published, run_info
from l2h.report.answer import ahead, answers, tested_pairs, warnings
from l2h.report.comparison import split_off
from l2h.report.differences import EXTERNAL, SETTING
from l2h.report.power import sentence
from l2h.report.table import table
from l2h.store.cells import EXACT
from l2h.store.files import atomic


def render(
    comparison: pd.DataFrame,
    differences: pd.DataFrame,
    audits: pd.DataFrame,
    curves: pd.DataFrame,
    designs: Sequence[Design],
    galleries: Sequence[Mapping[str, Any]],
    runs: Mapping[str, Mapping[str, Any]],
    supervised: set[str],
) -> tuple[str, dict[str, Drawing]]:
    """The whole page as text, and its charts by name.

    Parameters
    ----------
    comparison : the table of `l2h.report.comparison.compare`, joined with costs by `l2h.report.cost_columns.join`
    differences : the table of `l2h.report.differences.between_methods`
    audits : rows of `l2h.evaluation.audit.audit_models`
    curves : from `l2h.report.curves.precision_recall`
    designs : from `l2h.report.power.of_settings`
    galleries : of those settings that have one, from `l2h.report.gallery.gallery` with dataset, protocol and backbone
    runs : how each run, by name, was made, from `l2h.report.run_info.facts`; those that share a setting share its split
    supervised : the variants that need labels
    """
    comparison, not_run = split_off(comparison)
    pairs = tested_pairs(differences)
    groups = list(_groups(comparison))
    by_setting = {tuple(gallery[name] for name in SETTING[:3]): gallery for gallery in galleries}
    splits = {name: split for facts in runs.values() for name, split in facts["splits"].items()}
    sections = [
        {
            **_section(number, name, rows, audits, curves, [one for one in designs if one.setting == name]),
            "answers": answers(rows, pairs, supervised),
            "ahead": ahead(rows),
            "warnings": warnings(rows),
            "neighbours": splits["/".join(name[:2])].get("neighbours", 0),
            "gallery": _in_order(by_setting.get(name[:3]), list(rows["variant"])),
        }
        for number, (name, rows) in enumerate(groups)
    ]
    drawings = {chart["name"]: chart["drawing"] for section in sections for chart in section["charts"]}
    notes = {name: [str(Note(**note)) for note in split.get("notes", ())] for name, split in splits.items()}
    specs = {name: plots.spec(name, drawing) for name, drawing in drawings.items()}
    text = _template().render(
        runs=runs,
        differing=run_info.differing(runs),
        splits=splits,
        notes=notes,
        weights=list(dict.fromkeys(comparison["weights"])),
        trainings=comparison["seeds"].max(),
        queries_alone=QUERIES,
        significance=SIGNIFICANCE,
        exact=EXACT,
        registry=metrics.registered(),
        costs=COSTS,
        disturbed=f"{MARK} {DISTURBED}",
        sections=sections,
        table=table((rows for _, rows in groups), pairs),
        not_run=not_run,
        published=published.beside(comparison, published.read()).to_dict("records"),
        specs=json.dumps(specs).replace("<", "\\u003c"),
        charting=_charting(),
    )
    return text, drawings


@cache
def _template() -> Template:
    """Return the page's template. Compiling it takes 0.1 s."""
    environment = Environment(
        loader=PackageLoader("l2h.report", "."),
        autoescape=select_autoescape(["html", "jinja"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["cost"] = cost_columns.text
    return environment.get_template("page.html.jinja")


@cache
def _charting() -> str:
    """Return the libraries that draw the charts, as one script. Bundling them takes 2 s."""
    return vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")


def write(page: str, path: str | Path) -> None:
    """Write the page."""
    with atomic(path) as part:
        part.write_text(page, encoding="utf-8")


def _groups(comparison: pd.DataFrame) -> Iterator[tuple[tuple[str, ...], pd.DataFrame]]:
    """Rows of one dataset, protocol and backbone; codes from elsewhere stand beside those of every backbone."""
    for _, rows in comparison.groupby(["dataset", "protocol"], sort=False):
        external = rows["scope"] == EXTERNAL
        outside = rows[external]
        inside = list(rows[~external].groupby(SETTING, sort=False))
        for name, part in inside or [((*rows.iloc[0][["dataset", "protocol"]], EXTERNAL, EXTERNAL), rows[:0])]:
            yield name, pd.concat([part, outside])


def _recalls() -> list[tuple[str, int]]:
    """The comparison's columns of recall@k, each with its k."""
    return [(name, column.k) for name, column in metrics.columns().items() if column.metric.name == "recall"]


def _section(
    number: int,
    name: tuple[str, ...],
    rows: pd.DataFrame,
    audits: pd.DataFrame,
    curves: pd.DataFrame,
    designs: Sequence[Design],
) -> dict[str, Any]:
    """What the template needs of one dataset, protocol and backbone."""
    dataset, protocol, backbone, weights = name
    own = curves.merge(rows[[*SETTING, "variant", "bits"]])
    audits = audits[(audits[SETTING] == list(name)).all(axis=1)]
    title = "-".join(dict.fromkeys((dataset, protocol, backbone)))
    return {
        "id": f"section-{number}",
        "dataset": dataset,
        "protocol": protocol,
        "backbone": backbone,
        "weights": weights,
        "charts": [
            {"name": f"{title}-{name}", "about": charts.registry.get(name), "drawing": drawing}
            for name, drawing in plots.drawn(Data(rows, own, designs)).items()
        ],
        "power": sentence(designs),
        "rows": rows.to_dict("records"),
        "mistakes": list(dict.fromkeys(audits["mistake"])),
        "disturbed": cost_columns.disturbed(rows),
        "costs": bool(rows["bytes_per_item"].notna().any()),
        "audit": _audited(rows, audits),
        "depths": [k for name, k in _recalls() if rows[name].notna().any()],
    }


def _in_order(gallery: Mapping[str, Any] | None, variants: list[str]) -> dict[str, Any] | None:
    """A gallery with the variants in the table's order."""

    def order(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return sorted(entries, key=lambda entry: variants.index(entry["variant"]))

    if gallery is None:
        return None
    queries = [{**query, "answers": order(query["answers"])} for query in gallery["queries"]]
    return {"classes": [], **gallery, "queries": queries, "codes": order(gallery["codes"])}


def _audited(rows: pd.DataFrame, audits: pd.DataFrame) -> list[dict[str, Any]]:
    """One entry a variant and code length, in the rows' order: the right figure, and what each mistake would print."""
    entries = {
        cell: {"right": some["right"].iloc[0], "queries": some["queries"].iloc[0]}
        | {"printed": dict(zip(some["mistake"], some["printed"], strict=True))}
        for cell, some in audits.groupby(["variant", "bits"])
    }
    cells = zip(rows["variant"], rows["bits"], strict=True)
    return [{"variant": cell[0], "bits": cell[1], **entries[cell]} for cell in cells if cell in entries]
