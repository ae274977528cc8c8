"""Precision against recall."""

from typing import Any

import altair as alt

from l2h.charts import looks
from l2h.charts.chart import Chart, Data
from l2h.charts.looks import Drawing


def draw(data: Data) -> Drawing | None:
    """A point per Hamming distance; the reader selects the code length below the chart."""
    curves = data.curves
    if curves.empty:
        return None
    numbers = looks.drawn(data.numbers, curves)
    lengths = sorted(int(bits) for bits in curves["bits"].unique())
    chosen = alt.param(
        name="bits", value=lengths[-1], bind=alt.binding_select(options=lengths, name="Code length, bits: ")
    )
    base = alt.Chart(curves[["variant", "bits", "distance", "recall", "precision"]])
    base = base.transform_filter("datum.bits == bits").encode(
        x=alt.X("recall:Q", **_share("recall")),
        y=alt.Y("precision:Q", **_share("precision")),
        color=looks.color(numbers),
        order=alt.Order("distance:Q"),
    )
    figures = [alt.Tooltip(f"{name}:Q", format=".3f") for name in ("recall", "precision")]
    point = base.mark_point(filled=True, size=45, opacity=1)
    point = point.encode(shape=looks.shape(numbers), tooltip=looks.tooltip(alt.Tooltip("distance:O"), *figures))
    return looks.styled(alt.layer(base.mark_line(), point).add_params(chosen), numbers)


def _share(name: str) -> dict[str, Any]:
    """An axis from 0 to 1."""
    title = looks.metric_axis(f"{name}_at_distance")
    return {"title": title, "scale": alt.Scale(domain=[0, 1]), "axis": alt.Axis(tickCount=5)}


CHART = Chart(
    function=draw,
    shows="How precise are the nearest items? Precision against recall",
    note="Each point is a Hamming distance. A query without items within it counts as precision 0, so lines of long "
    "codes start low and rise as fewer queries find nothing.",
)
