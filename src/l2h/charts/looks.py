"""How charts look: colours and shapes of variants, axes and legends.

Channels are Altair's objects rather than shorthand strings, which Altair takes 6 ms each to look up.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import altair as alt
import pandas as pd

from l2h import metrics
from l2h.charts.chart import Numbers

Drawing = alt.Chart | alt.LayerChart | alt.FacetChart  # as altair types a layer

# Okabe and Ito's palette, told apart by colour-blind readers; a variant keeps its colour through the report.
PALETTE = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8C6BB1", "#8C564B"]
# One fewer than colours, so that colour and shape together tell 56 variants apart.
SHAPES = ["circle", "square", "cross", "diamond", "triangle-up", "triangle-down", "triangle-right"]
HEIGHT = 340
LEGEND = 320  # pixels that a phone has for it


def metric_axis(metric: str, suffix: str = "") -> str:
    """The title of a metric's axis, which says what is better."""
    known = metrics.registry.get(metric)
    return f"{known.axis}{suffix} ({known.better} is better)"


def bits_axis() -> alt.X:
    """Code length from left to right."""
    return alt.X("bits:O", title="bits", axis=alt.Axis(labelAngle=0))


def color(numbers: Numbers, **legend: Any) -> alt.Color:
    """The colour of each variant."""
    return alt.Color("variant:N", scale=scale(numbers, PALETTE), **{"title": "method", **legend})


def shape(numbers: Numbers) -> alt.Shape:
    """The shape of each variant's points."""
    return alt.Shape("variant:N", scale=scale(numbers, SHAPES), title="method")


def tooltip(*figures: alt.Tooltip) -> list[alt.Tooltip]:
    """What a point says: its variant and code length, and these figures."""
    return [alt.Tooltip("variant:N"), alt.Tooltip("bits:O"), *figures]


def scale(numbers: Numbers, looks: Sequence[Any]) -> alt.Scale:
    """From names to looks, by their numbers."""
    return alt.Scale(domain=list(numbers), range=[looks[number % len(looks)] for number in numbers.values()])


def drawn(numbers: Numbers, rows: pd.DataFrame) -> Numbers:
    """The variants that have something in a chart: the rest is no part of its legend."""
    return {variant: number for variant, number in numbers.items() if variant in set(rows["variant"])}


def styled(chart: Drawing, names: Iterable[str]) -> Drawing:
    """A chart as wide as the page, with a legend of these names below it that fits on a phone."""
    chart = chart.properties(width="container", height=HEIGHT).configure_axis(labelFontSize=12, titleFontSize=13)
    columns = max(1, min(4, LEGEND // (6 * max(map(len, names)) + 20)))  # a letter is some 6 pixels wide
    return chart.configure_legend(
        orient="bottom", columns=columns, labelLimit=LEGEND, labelFontSize=12, symbolOpacity=1
    )
