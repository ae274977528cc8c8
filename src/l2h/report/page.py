"""The report: one HTML file that opens offline."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import altair as alt
import pandas as pd
import vl_convert
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

import l2h
from l2h import store
from l2h.report.answer import EXACT, EXTERNAL, LEVEL, SIGNIFICANCE, answers, tested_pairs
from l2h.report.differences import PLACE
from l2h.report.table import table

# Okabe and Ito's palette, told apart by colour-blind readers; a variant keeps its colour through the report.
PALETTE = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8C6BB1", "#7F7F7F"]
# One fewer than colours, so that colour and shape together tell 56 variants apart.
SHAPES = ["circle", "square", "cross", "diamond", "triangle-up", "triangle-down", "triangle-right"]


def map_chart(rows: pd.DataFrame) -> alt.LayerChart:
    """Draw mAP against code length for one group of rows: a line a variant, a bar for the interval, a band for ties.

    Exact search has no code length: a dashed line across.
    """
    order = list(dict.fromkeys(rows["variant"]))
    exact, rows = rows[rows["scope"] == EXACT], rows[rows["scope"] != EXACT]

    def color(**legend: Any) -> alt.Color:
        return alt.Color("variant:N", scale=alt.Scale(domain=order, range=PALETTE), **legend)

    base = alt.Chart(rows).encode(x=alt.X("bits:O", title="bits", axis=alt.Axis(labelAngle=0)))
    band = base.mark_area(opacity=0.15).encode(
        y=alt.Y("map_worst:Q", title="mAP@all (higher is better)"), y2="map_best:Q", color=color(legend=None)
    )
    interval = base.mark_rule(strokeWidth=1.5).encode(y="map_low:Q", y2="map_high:Q", color=color(legend=None))
    line = base.mark_line().encode(y="map:Q", color=color(title="method"))
    shown = ("map", "map_low", "map_high", "map_worst", "map_best", "map_unseen")
    figures = [alt.Tooltip(f"{name}:Q", format=".3f") for name in shown]
    point = base.mark_point(filled=True, size=70, opacity=1).encode(
        y="map:Q",
        color=color(title="method"),
        shape=alt.Shape("variant:N", scale=alt.Scale(domain=order, range=SHAPES), title="method"),
        tooltip=["variant:N", "bits:O", *figures],
    )
    across = alt.Chart(exact).mark_rule(strokeDash=[6, 4], size=1.5)
    across = across.encode(y="map:Q", color=color(title="method"), tooltip=["variant:N", figures[0]])
    # nested, so that colour and shape share one legend and the pale band has none
    chart = alt.layer(band, interval, alt.layer(across, line, point))
    chart = chart.resolve_scale(color="independent", shape="independent")
    return chart.properties(width="container", height=340).configure_axis(labelFontSize=12, titleFontSize=13)


def render(
    comparison: pd.DataFrame,
    differences: pd.DataFrame,
    audits: pd.DataFrame,
    run: str,
    command: str,
    supervised: set[str],
) -> str:
    """The whole page as text.

    Parameters
    ----------
    comparison : the table of `l2h.report.comparison.compare`, joined with costs by `l2h.report.costs.join`
    differences : the table of `l2h.report.differences.between_methods`
    audits : rows of `l2h.audit.audit_models`
    run : the run's name
    command : what makes the run again
    supervised : the variants that need labels
    """
    environment = Environment(
        loader=PackageLoader("l2h.report", "."),
        autoescape=select_autoescape(["html", "jinja"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pairs = tested_pairs(differences)
    groups = list(_groups(comparison))
    sections = [
        {**_section(number, name, rows, audits), "answers": answers(rows, pairs, supervised)}
        for number, (name, rows) in enumerate(groups)
    ]
    return environment.get_template("page.html.jinja").render(
        run=run,
        command=command,
        version=l2h.__version__,
        seeds=sorted(set(comparison["seeds"])),
        significance=SIGNIFICANCE,
        level=LEVEL,
        sections=sections,
        table=table((rows for _, rows in groups), pairs),
        specs=json.dumps({section["id"]: section["spec"] for section in sections}).replace("<", "\\u003c"),
        charting=vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;"),
    )


def write(page: str, path: str | Path) -> None:
    """Write the page."""
    with store.atomic(path) as part:
        part.write_text(page, encoding="utf-8")


def _groups(comparison: pd.DataFrame) -> Iterator[tuple[tuple[str, ...], pd.DataFrame]]:
    """Rows of one dataset, protocol and backbone; codes from elsewhere stand beside those of every backbone."""
    for _, rows in comparison.groupby(["dataset", "protocol"], sort=False):
        external = rows["scope"] == EXTERNAL
        outside = rows[external]
        inside = list(rows[~external].groupby(PLACE, sort=False))
        for name, part in inside or [((*rows.iloc[0][["dataset", "protocol"]], EXTERNAL, EXTERNAL), rows[:0])]:
            yield name, pd.concat([part, outside])


def _section(number: int, name: tuple[str, ...], rows: pd.DataFrame, audits: pd.DataFrame) -> dict[str, Any]:
    """What the template needs of one dataset, protocol and backbone."""
    dataset, protocol, backbone, weights = name
    spec = map_chart(rows.dropna(axis=1, how="all")).to_dict()
    return {
        "id": f"chart-{number}",
        "dataset": dataset,
        "protocol": protocol,
        "backbone": backbone,
        "weights": weights,
        "spec": spec,
        "rows": rows.to_dict("records"),
        "mistakes": list(dict.fromkeys(audits["mistake"])),
        "audit": _audited(rows, audits[(audits[PLACE] == list(name)).all(axis=1)]),
    }


def _audited(rows: pd.DataFrame, audits: pd.DataFrame) -> list[dict[str, Any]]:
    """One entry a variant and code length, in the rows' order: the right figure, and what each mistake would print."""
    entries = {
        cell: {"right": some["right"].iloc[0], "queries": some["queries"].iloc[0]}
        | {"printed": dict(zip(some["mistake"], some["printed"], strict=True))}
        for cell, some in audits.groupby(["variant", "bits"])
    }
    cells = zip(rows["variant"], rows["bits"], strict=True)
    return [{"variant": cell[0], "bits": cell[1], **entries[cell]} for cell in cells if cell in entries]
