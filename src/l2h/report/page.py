"""The report: one HTML file that opens offline."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

import pandas as pd
import vl_convert
from jinja2 import Environment, PackageLoader, StrictUndefined, Template, select_autoescape

from l2h import charts, metrics
from l2h.charts import Data, looks
from l2h.charts.chart import Numbers, numbered
from l2h.charts.looks import Drawing
from l2h.evaluation.cost_names import COSTS, DISTURBED, MARK
from l2h.evaluation.power import Design
from l2h.evaluation.significance import SIGNIFICANCE
from l2h.notes import Note
from l2h.report import cost_columns, links, matrix, plots, published, run_info
from l2h.report.answer import BEST, LEVEL, ahead, answers, tested_pairs, warnings
from l2h.report.comparison import split_off
from l2h.report.differences import EXTERNAL, SETTING
from l2h.report.nouns import noun, speak_of
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
    """Render the page as text, and its charts by name.

    Parameters
    ----------
    comparison : the table of `l2h.report.comparison.compare`, joined with costs by `l2h.report.cost_columns.join`
    differences : the table of `l2h.report.differences.between_methods`
    audits : rows of `l2h.evaluation.audit.audit_models`
    curves : from `l2h.report.curves.precision_recall`
    designs : from `l2h.report.power.of_settings`
    galleries : of settings with one, from `l2h.report.gallery.gallery` with dataset, protocol and backbone
    runs : info on each run by name, from `l2h.report.run_info.facts`; runs that share a setting share its split
    supervised : the variants that need labels
    """
    comparison, not_run = split_off(comparison)
    pairs = tested_pairs(differences)
    groups = list(_groups(comparison))
    titles = _titles([name for name, _ in groups])
    numbers = numbered(comparison)
    known = published.read()
    by_setting = {tuple(gallery[name] for name in SETTING[:3]): gallery for gallery in galleries}
    splits = {name: split for facts in runs.values() for name, split in facts["splits"].items()}
    sections = []
    for (name, rows), title in zip(groups, titles, strict=True):
        made = matrix.matrix(rows, pairs, supervised)
        split, word = splits["/".join(name[:2])], noun(rows)
        sections.append(
            {
                **_section(name, rows, audits, curves, [one for one in designs if one.setting == name], numbers),
                "id": re.sub(r"[^\w-]+", "-", title),
                "title": title,
                "matrix": made,
                "latex": matrix.latex(made),
                "markdown": matrix.markdown(made),
                "answers": answers(rows, pairs, supervised),
                "ahead": ahead(rows),
                "noun": word,
                "warnings": [speak_of(line, word) for line in warnings(rows)],
                "notes": [
                    str(Note(**{**note, "what": speak_of(note["what"], word)})) for note in split.get("notes", ())
                ],
                "neighbours": split.get("neighbours", 0),
                "gallery": _in_order(by_setting.get(name[:3]), list(rows["variant"])),
                "published": published.beside(rows, known).to_dict("records"),
            }
        )
    drawings = {chart["name"]: chart["drawing"] for section in sections for chart in section["charts"]}
    specs = {name: _unlegended(plots.spec(name, drawing)) for name, drawing in drawings.items()}
    text = _template().render(
        runs=runs,
        facts=_facts(comparison, runs),
        homes=links.homes(comparison["dataset"].unique()),
        methods=links.methods(comparison),
        noun=noun(comparison),
        differing=run_info.differing(runs),
        splits=splits,
        weights=list(dict.fromkeys(comparison["weights"])),
        significance=SIGNIFICANCE,
        exact=EXACT,
        best=BEST,
        level=LEVEL,
        looks=looks.symbols(numbers),
        registry=metrics.registered(),
        mark=MARK,
        disturbed=f"{MARK} {DISTURBED}",
        sections=sections,
        several=_across(sections),
        any_published=any(section["published"] for section in sections),
        table=table((rows for _, rows in groups), pairs),
        not_run=not_run,
        specs=json.dumps(specs).replace("<", "\\u003c"),
        charting=_charting(),
    )
    return text, drawings


@cache
def _template() -> Template:
    """Return the page's template, cached because compiling it takes 0.1 s."""
    environment = Environment(
        loader=PackageLoader("l2h.report", "."),
        autoescape=select_autoescape(["html", "jinja"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["cost"] = cost_columns.text
    environment.filters["score"] = matrix.score
    environment.filters["speak_of"] = speak_of
    environment.globals["docs"] = links.docs
    return environment.get_template("page.html.jinja")


@cache
def _charting() -> str:
    """Return the charting libraries as one script, cached because bundling them takes 2 s."""
    return vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")


def write(page: str, path: str | Path) -> None:
    """Write the page."""
    with atomic(path) as part:
        part.write_text(page, encoding="utf-8")


def _groups(comparison: pd.DataFrame) -> Iterator[tuple[tuple[str, ...], pd.DataFrame]]:
    """Rows of each dataset, protocol and backbone; external codes are added to those of every backbone."""
    for _, rows in comparison.groupby(["dataset", "protocol"], sort=False):
        external = rows["scope"] == EXTERNAL
        outside = rows[external]
        inside = list(rows[~external].groupby(SETTING, sort=False))
        for name, part in inside or [((*rows.iloc[0][["dataset", "protocol"]], EXTERNAL, EXTERNAL), rows[:0])]:
            yield name, pd.concat([part, outside])


def _titles(names: Sequence[tuple[str, ...]]) -> list[str]:
    """A unique title of each setting: its dataset, with protocol, backbone and weights only if needed."""
    titles = []
    for name in names:
        same = [other for other in names if other[0] == name[0]]
        more = [part for place, part in enumerate(name[1:], 1) if len({other[place] for other in same}) > 1]
        titles.append(", ".join([name[0], *more]))
    return titles


def _facts(comparison: pd.DataFrame, runs: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """A short summary of what the runs compare, and their dates."""
    bits = comparison.loc[comparison["scope"] != EXACT, "bits"]
    lengths = f"{bits.min()}–{bits.max()} bits" if bits.nunique() > 1 else f"{bits.min()} bits"
    counts = [(comparison["dataset"].nunique(), "dataset"), (comparison["variant"].nunique(), "method")]
    counts.append((comparison["seeds"].max(), "training"))
    *what, trainings = (f"{number} {word}{'s' if number > 1 else ''}" for number, word in counts)
    dates = dict.fromkeys(run["date"] for run in runs.values() if run.get("date"))
    return [*what, lengths, trainings, *dates]


def _across(sections: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """For each dataset and protocol with several backbones: the best of each backbone and group, sorted."""
    found: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for section in sections:
        place = (section["dataset"], section["protocol"])
        for answer in section["answers"]:
            found.setdefault(place, []).append({**answer, "id": section["id"], "backbone": section["backbone"]})
    return [
        {
            "name": dataset,
            "id": f"{dataset}-{protocol}",
            "rows": sorted(rows, key=lambda row: -row["best"]["map"]),
        }
        for (dataset, protocol), rows in found.items()
        if len({row["id"] for row in rows}) > 1
    ]


def _unlegended(spec: Any) -> Any:
    """Remove legends of variants from a chart: the page has one for all charts."""
    if isinstance(spec, list):
        return [_unlegended(part) for part in spec]
    if not isinstance(spec, dict):
        return spec
    own = {key: _unlegended(part) for key, part in spec.items() if key != "datasets"}
    for channel in ("color", "shape"):
        if isinstance(own.get(channel), dict) and own[channel].get("field") == "variant":
            own[channel]["legend"] = None
    return own | {key: spec[key] for key in ("datasets",) if key in spec}


def _recalls() -> list[tuple[str, int]]:
    """The comparison's columns of recall@k, with their k."""
    return [(name, column.k) for name, column in metrics.columns().items() if column.metric.name == "recall"]


def _section(
    name: tuple[str, ...],
    rows: pd.DataFrame,
    audits: pd.DataFrame,
    curves: pd.DataFrame,
    designs: Sequence[Design],
    numbers: Numbers,
) -> dict[str, Any]:
    """The template's data for one dataset, protocol and backbone."""
    dataset, protocol, backbone, weights = name
    own = curves.merge(rows[[*SETTING, "variant", "bits"]])
    audits = audits[(audits[SETTING] == list(name)).all(axis=1)]
    mistakes = list(dict.fromkeys(audits["mistake"]))
    audit = _audited(rows, audits)
    coded = rows["bytes_per_item"].notna().any()
    title = "-".join(dict.fromkeys((dataset, protocol, backbone)))
    drawn = [
        {"name": f"{title}-{name}", "about": charts.registry.get(name), "drawing": drawing}
        for name, drawing in plots.drawn(Data(rows, own, designs, numbers)).items()
    ]
    return {
        "dataset": dataset,
        "protocol": protocol,
        "backbone": backbone,
        "weights": weights,
        "place": ", ".join(dict.fromkeys((dataset, protocol, backbone))),
        "trainings": rows["seeds"].max(),
        "charts": drawn,
        "first": next((chart for chart in drawn if chart["about"] is charts.registry.get("map")), None),
        "rest": [chart for chart in drawn if chart["about"] is not charts.registry.get("map")],
        "power": sentence(designs),
        "rows": rows.to_dict("records"),
        "mistakes": mistakes,
        "worst": {one: max(audit, key=partial(_error, one)) for one in mistakes if audit},
        "disturbed": cost_columns.disturbed(rows),
        "costs": {name: head for name, head in COSTS.items() if coded and rows[name].notna().any()},
        "images": bool(rows["code_ms"].notna().any()),
        "audit": audit,
        "depths": [k for name, k in _recalls() if rows[name].notna().any()],
    }


def _in_order(gallery: Mapping[str, Any] | None, variants: list[str]) -> dict[str, Any] | None:
    """Sort the variants of a gallery as in the table."""

    def order(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return sorted(entries, key=lambda entry: variants.index(entry["variant"]))

    if gallery is None:
        return None
    queries = [{**query, "answers": order(query["answers"])} for query in gallery["queries"]]
    return {"classes": [], **gallery, "queries": queries, "codes": order(gallery["codes"])}


def _audited(rows: pd.DataFrame, audits: pd.DataFrame) -> list[dict[str, Any]]:
    """One entry per variant and code length, in the rows' order: the correct score, and that with each bug."""
    entries = {
        cell: {"right": some["right"].iloc[0], "queries": some["queries"].iloc[0]}
        | {"printed": dict(zip(some["mistake"], some["printed"], strict=True))}
        for cell, some in audits.groupby(["variant", "bits"])
    }
    cells = zip(rows["variant"], rows["bits"], strict=True)
    return [{"variant": cell[0], "bits": cell[1], **entries[cell]} for cell in cells if cell in entries]


def _error(mistake: str, row: Mapping[str, Any]) -> float:
    """Absolute difference of the score with a bug from the correct score."""
    return abs(float(row["printed"][mistake] - row["right"]))
