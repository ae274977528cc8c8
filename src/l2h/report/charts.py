"""The report's charts, as Vega-Lite specifications: on the page, and as files for a paper.

Channels are Altair's objects rather than shorthand strings, which Altair takes 6 ms each to look up.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import altair as alt
import pandas as pd
import pyarrow as pa

from l2h import metrics
from l2h.report.cost_columns import COSTS, DISTURBED, MARK
from l2h.report.power import Design
from l2h.store.cells import CELL_KEY, EXACT
from l2h.store.files import atomic

# Okabe and Ito's palette, told apart by colour-blind readers; a variant keeps its colour through the report.
PALETTE = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8C6BB1", "#8C564B"]
# One fewer than colours, so that colour and shape together tell 56 variants apart.
SHAPES = ["circle", "square", "cross", "diamond", "triangle-up", "triangle-down", "triangle-right"]
# Exact search is no hash: it has a grey, which shows on white and on black, and dashes, which nothing else has.
GREY = "#808080"
DASHES = [[7, 4], [2, 3], [10, 3, 2, 3]]
HEIGHT, PAPER_WIDTH = 340, 480
LEGEND = 320  # pixels that a phone has for it
# costs that quality is drawn against; that of search is one for all methods of a code length
TRADED = ("hash_us", "training_processor")
# what to know of a chart, by its name; and of those that quality is drawn against a cost in
NOTES = {
    "map": "Bars are 95% intervals, bands the bounds of tie orders. Dashed, grey: exact search on the features.",
    "precision-recall": "A point is a Hamming distance: precision and recall of the items within it, means over "
    "the queries. A query with no item so near counts as precision 0, so the line of long codes begins low, and rises "
    "as fewer queries find nothing.",
    "power": "Found with a probability of 80% at p < 0.05, corrected for the pairs of a code length, with this run's "
    "queries, for the typical pair of its methods.",
    "radius": "Of the items at most 2 bits away. A query with none there counts as precision 0, so lines fall where "
    "codes are long and most queries find nothing.",
}
TRAININGS = (2, 3, 5, 10, 20)  # of the chart of power
NOTE = f"Numbers at points are bits. {MARK} {DISTURBED}."

Chart = alt.LayerChart | alt.FacetChart
Numbers = dict[str, int]  # of a report's variants but exact search, by which they have a colour and a shape


def charts(rows: pd.DataFrame, curves: pd.DataFrame, designs: Sequence[Design] = ()) -> dict[str, tuple[str, Chart]]:
    """All charts of one group of rows that have something to show: name, what it shows in words, chart.

    Parameters
    ----------
    rows : of the comparison, joined with costs
    curves : from `precision_recall`, of the same group
    designs : from `l2h.report.power.of_settings`, of the same group
    """
    hashes = rows[rows["scope"] != EXACT]
    numbers = {variant: number for number, variant in enumerate(dict.fromkeys(hashes["variant"]))}
    made: dict[str, tuple[str, Chart]] = {"map": ("mAP against code length", map_chart(rows, numbers))}
    if len(curves):
        made["precision-recall"] = ("Precision against recall", curve_chart(curves, numbers))
    if hashes["precision_in_radius"].notna().any():
        made["radius"] = ("Precision within Hamming radius 2 against code length", radius_chart(hashes, numbers))
    for name in TRADED:
        if hashes[name].notna().any():
            made[name.replace("_", "-")] = (f"mAP against {COSTS[name]}", trade_chart(hashes, name, numbers))
    if designs:
        made["power"] = ("Smallest difference in mAP that a number of trainings shows", power_chart(designs))
    return made


def precision_recall(cells: list[pa.Table]) -> pd.DataFrame:
    """The precision-recall curves, means over seeds, from each cell's tidy metrics.

    Returns
    -------
    columns: a cell's key but the seed; distance, recall, precision. Distances within which no query finds anything are
    left out
    """
    tidy = pa.concat_tables(cells).to_pandas()
    tidy = tidy[tidy["metric"].isin(["precision_at_distance", "recall_at_distance"])]
    key = [name for name in CELL_KEY if name != "seed"]
    curves = tidy.pivot_table(index=[*key, "k"], columns="metric", values="value", sort=False).reset_index()
    columns = {"k": "distance", "precision_at_distance": "precision", "recall_at_distance": "recall"}
    curves = curves.reindex(columns=[*key, *columns]).rename(columns=columns)
    return curves[curves["recall"] > 0]


def map_chart(rows: pd.DataFrame, numbers: Numbers) -> Chart:
    """Quality against code length: a line a variant, a bar for the interval, a band between the bounds of tie orders.

    Exact search has no code length: a dashed grey line across, and a legend of its own.
    """
    shown = ["map", "map_low", "map_high", "map_worst", "map_best", "map_unseen"]
    rows = rows[["variant", "scope", "bits", *shown]].dropna(axis=1, how="all")
    exact, rows = rows[rows["scope"] == EXACT], rows[rows["scope"] != EXACT]
    base = alt.Chart(rows).encode(x=_bits())
    band = base.mark_area(opacity=0.15).encode(
        y=alt.Y("map_worst:Q", title=_axis("map", "@all")), y2=alt.Y2("map_best:Q"), color=_color(numbers, legend=None)
    )
    behind = [band]
    interval = base.mark_rule(strokeWidth=1.5).encode(
        y=alt.Y("map_low:Q"), y2=alt.Y2("map_high:Q"), color=_color(numbers, legend=None)
    )
    figures = [alt.Tooltip(f"{name}:Q", format=".3f") for name in shown if name in rows]
    line = base.mark_line().encode(y=alt.Y("map:Q"), color=_color(numbers))
    point = base.mark_point(filled=True, size=70, opacity=1).encode(
        y=alt.Y("map:Q"), color=_color(numbers), shape=_shape(numbers), tooltip=_tooltip(*figures)
    )
    dashed = {name: number for number, name in enumerate(exact["variant"])}
    # above, as the two beside each other are too wide for a phone
    legend = alt.Legend(title="exact search", orient="top", symbolStrokeColor=GREY, symbolStrokeWidth=2, symbolSize=900)
    across = alt.Chart(exact).mark_rule(size=2, color=GREY)
    across = across.encode(
        y=alt.Y("map:Q"),
        strokeDash=alt.StrokeDash("variant:N", scale=_scale(dashed, DASHES), legend=legend),
        tooltip=[alt.Tooltip("variant:N"), figures[0]],
    )
    # a layer without marks would be a picture without words to a screen reader
    behind += ([interval] if "map_low" in rows else []) + ([] if exact.empty else [across])
    # nested, so that colour and shape share one legend and the pale band has none
    chart = alt.layer(*behind, alt.layer(line, point))
    return _styled(chart.resolve_scale(color="independent", shape="independent"), [*numbers, *dashed])


def curve_chart(curves: pd.DataFrame, numbers: Numbers) -> Chart:
    """Precision against recall, a point a Hamming distance; the code length is chosen below the chart."""
    numbers = _drawn(numbers, curves)
    lengths = sorted(int(bits) for bits in curves["bits"].unique())
    chosen = alt.param(
        name="bits", value=lengths[-1], bind=alt.binding_select(options=lengths, name="Code length, bits: ")
    )
    base = alt.Chart(curves[["variant", "bits", "distance", "recall", "precision"]])
    base = base.transform_filter("datum.bits == bits").encode(
        x=alt.X(
            "recall:Q", title=_axis("recall_at_distance"), scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(tickCount=5)
        ),
        y=alt.Y(
            "precision:Q",
            title=_axis("precision_at_distance"),
            scale=alt.Scale(domain=[0, 1]),
            axis=alt.Axis(tickCount=5),
        ),
        color=_color(numbers),
        order=alt.Order("distance:Q"),
    )
    figures = [alt.Tooltip(f"{name}:Q", format=".3f") for name in ("recall", "precision")]
    point = base.mark_point(filled=True, size=45, opacity=1)
    point = point.encode(shape=_shape(numbers), tooltip=_tooltip(alt.Tooltip("distance:O"), *figures))
    return _styled(alt.layer(base.mark_line(), point).add_params(chosen), numbers)


def radius_chart(rows: pd.DataFrame, numbers: Numbers) -> Chart:
    """Precision within Hamming radius 2 against code length."""
    name = "precision_in_radius"
    shown = rows[["variant", "bits", name, "empty_in_radius"]].dropna()
    numbers = _drawn(numbers, shown)
    base = alt.Chart(shown).encode(x=_bits(), y=alt.Y(f"{name}:Q", title=_axis(name)), color=_color(numbers))
    figures = [alt.Tooltip(f"{name}:Q", format=".3f") for name in (name, "empty_in_radius")]
    point = base.mark_point(filled=True, size=70, opacity=1)
    point = point.encode(shape=_shape(numbers), tooltip=_tooltip(*figures))
    return _styled(alt.layer(base.mark_line(), point), numbers)


def trade_chart(rows: pd.DataFrame, quantity: str, numbers: Numbers) -> Chart:
    """Quality against what it costs, a point a code length, the lengths of a variant joined from short to long."""
    marks = rows[f"{quantity}_disturbed"].map({True: MARK, False: ""})
    shown = rows.assign(label=rows["bits"].astype(str) + marks)[["variant", "bits", "label", "map", quantity]].dropna()
    numbers = _drawn(numbers, shown)
    title = f"{COSTS[quantity]} (lower is better)"
    base = alt.Chart(shown).encode(
        x=alt.X(
            f"{quantity}:Q",
            title=title,
            scale=alt.Scale(type="log", nice=False, padding=20),
            axis=alt.Axis(labelSeparation=8),
        ),
        y=alt.Y("map:Q", title=_axis("map", "@all")),
        color=_color(numbers),
    )
    figures = [alt.Tooltip("map:Q", format=".3f"), alt.Tooltip(f"{quantity}:Q", format=".2s")]
    point = base.mark_point(filled=True, size=70, opacity=1)
    point = point.encode(shape=_shape(numbers), tooltip=_tooltip(*figures))
    text = base.mark_text(dy=-10, fontSize=10).encode(text=alt.Text("label:N"))
    return _styled(alt.layer(base.mark_line(opacity=0.4).encode(order=alt.Order("bits:Q")), point, text), numbers)


def power_chart(designs: Sequence[Design]) -> Chart:
    """Detectable difference against the number of trainings, a line for each code length."""
    shown = pd.DataFrame(
        [
            {"bits": design.bits, "trainings": trainings, "difference": design.detectable(trainings)}
            for design in designs
            for trainings in sorted({*TRAININGS, design.trainings} - {1})
        ]
    )
    bits = sorted(shown["bits"].unique().tolist())
    base = alt.Chart(shown).encode(
        x=alt.X("trainings:Q", title="trainings", scale=alt.Scale(type="log", nice=False, padding=20)),
        y=alt.Y("difference:Q", title="detectable difference in mAP (lower is better)"),
        color=alt.Color("bits:O", scale=alt.Scale(domain=bits, range=PALETTE[: len(bits)]), title="bits"),
    )
    point = base.mark_point(filled=True, size=70, opacity=1)
    point = point.encode(
        shape=alt.Shape("bits:O", scale=alt.Scale(domain=bits, range=SHAPES[: len(bits)]), title="bits"),
        tooltip=[alt.Tooltip("bits:O"), alt.Tooltip("trainings:Q"), alt.Tooltip("difference:Q", format=".4f")],
    )
    return _styled(alt.layer(base.mark_line(), point), map(str, bits))


def write_files(plots: Mapping[str, Chart], folder: str | Path) -> None:
    """Write each chart as `<name>.png` and `<name>.svg`, on white, of a fixed width."""
    with atomic(folder) as part:
        part.mkdir()
        for name, chart in plots.items():
            sized = chart.properties(width=PAPER_WIDTH)
            sized.save(part / f"{name}.svg", format="svg")
            sized.save(part / f"{name}.png", format="png", scale_factor=2)


def _axis(metric: str, suffix: str = "") -> str:
    known = metrics.registry.get(metric)
    return f"{known.axis}{suffix} ({known.better} is better)"


def _bits() -> alt.X:
    return alt.X("bits:O", title="bits", axis=alt.Axis(labelAngle=0))


def _color(numbers: Numbers, **legend: Any) -> alt.Color:
    return alt.Color("variant:N", scale=_scale(numbers, PALETTE), **{"title": "method", **legend})


def _shape(numbers: Numbers) -> alt.Shape:
    return alt.Shape("variant:N", scale=_scale(numbers, SHAPES), title="method")


def _tooltip(*figures: alt.Tooltip) -> list[alt.Tooltip]:
    return [alt.Tooltip("variant:N"), alt.Tooltip("bits:O"), *figures]


def _scale(numbers: Numbers, looks: Sequence[Any]) -> alt.Scale:
    return alt.Scale(domain=list(numbers), range=[looks[number % len(looks)] for number in numbers.values()])


def _drawn(numbers: Numbers, rows: pd.DataFrame) -> Numbers:
    """Those that have something in a chart: the rest is no part of its legend."""
    return {variant: number for variant, number in numbers.items() if variant in set(rows["variant"])}


def _styled(chart: Chart, names: Iterable[str]) -> Chart:
    chart = chart.properties(width="container", height=HEIGHT).configure_axis(labelFontSize=12, titleFontSize=13)
    columns = max(1, min(4, LEGEND // (6 * max(map(len, names)) + 20)))  # a letter is some 6 pixels wide
    return chart.configure_legend(
        orient="bottom", columns=columns, labelLimit=LEGEND, labelFontSize=12, symbolOpacity=1
    )
