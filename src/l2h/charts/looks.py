"""Appearance of charts: colours and shapes of variants, axes and legends.

Channels are Altair's objects, because parsing a shorthand string takes Altair 6 ms.
"""

from collections.abc import Iterable
from typing import Any

import altair as alt
import pandas as pd

from l2h import metrics
from l2h.charts.chart import Numbers

Drawing = alt.Chart | alt.LayerChart | alt.FacetChart  # as altair types a layer

# Okabe and Ito's palette, safe for colour-blind readers, and grey for references.
GREY = "#808080"
PALETTE = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8C6BB1", "#8C564B", GREY]
SHAPES = ["circle", "square", "cross", "diamond", "triangle-up", "triangle-down", "triangle-right"]
PATHS = (  # the shapes as SVG, 16 by 16
    "M8 2a6 6 0 1 0 .01 0z",
    "M3 3h10v10H3z",
    "M6 2h4v4h4v4h-4v4H6v-4H2V6h4z",
    "M8 1l6 7-6 7-6-7z",
    "M8 2l7 12H1z",
    "M1 2h14L8 14z",
    "M2 1l12 7-12 7z",
)
HEIGHT = 290
LEGEND = 320  # pixels, the width on a phone


def metric_axis(metric: str, suffix: str = "") -> str:
    """The title of a metric's axis, with the direction that is better."""
    known = metrics.registry.get(metric)
    return f"{known.axis}{suffix} ({known.better} is better)"


def bits_axis() -> alt.X:
    """The axis of code lengths."""
    return alt.X("bits:O", title="bits", axis=alt.Axis(labelAngle=0))


def color(numbers: Numbers, **legend: Any) -> alt.Color:
    """The colour of each variant."""
    found = [PALETTE[number % len(PALETTE)] for number in numbers.values()]
    return alt.Color("variant:N", scale=alt.Scale(domain=list(numbers), range=found), **{"title": "method", **legend})


def shape(numbers: Numbers, **legend: Any) -> alt.Shape:
    """The shape of each variant's points."""
    found = [SHAPES[number // len(PALETTE)] for number in numbers.values()]
    return alt.Shape("variant:N", scale=alt.Scale(domain=list(numbers), range=found), **{"title": "method", **legend})


def symbols(numbers: Numbers) -> dict[str, dict[str, str]]:
    """The colour of each variant, and its shape as an SVG path."""
    palette, size = PALETTE, len(PALETTE)
    return {name: {"color": palette[number % size], "path": PATHS[number // size]} for name, number in numbers.items()}


def tooltip(*values: alt.Tooltip) -> list[alt.Tooltip]:
    """The tooltip of a point: its variant, code length and values."""
    return [alt.Tooltip("variant:N"), alt.Tooltip("bits:O"), *values]


def drawn(numbers: Numbers, rows: pd.DataFrame) -> Numbers:
    """The variants that a chart shows, for its legend."""
    return {variant: number for variant, number in numbers.items() if variant in set(rows["variant"])}


def styled(chart: Drawing, names: Iterable[str]) -> Drawing:
    """Make a chart as wide as the page, with a legend of these names below it that fits on a phone."""
    chart = chart.properties(width="container", height=HEIGHT).configure_axis(labelFontSize=12, titleFontSize=12)
    columns = max(1, min(4, LEGEND // (6 * max(map(len, names)) + 20)))  # a letter is about 6 pixels wide
    return chart.configure_legend(
        orient="bottom", columns=columns, labelLimit=LEGEND, labelFontSize=12, symbolOpacity=1
    )
