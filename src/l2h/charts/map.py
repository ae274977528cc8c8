"""mAP against code length."""

import altair as alt

from l2h.charts import looks
from l2h.charts.chart import Chart, Data
from l2h.charts.looks import Drawing
from l2h.store.cells import EXACT

# Exact search is no hash: it has a grey, which shows on white and on black, and dashes, which nothing else has.
GREY = "#808080"
DASHES = [[7, 4], [2, 3], [10, 3, 2, 3]]


def draw(data: Data) -> Drawing:
    """A line a variant, a bar for the interval, a band between the bounds of tie orders.

    Exact search has no code length: a dashed grey line across, and a legend of its own.
    """
    numbers = data.numbers
    shown = ["map", "map_low", "map_high", "map_worst", "map_best", "map_unseen"]
    rows = data.rows[["variant", "scope", "bits", *shown]].dropna(axis=1, how="all")
    exact, rows = rows[rows["scope"] == EXACT], rows[rows["scope"] != EXACT]
    base = alt.Chart(rows).encode(x=looks.bits_axis())
    band = base.mark_area(opacity=0.15).encode(
        y=alt.Y("map_worst:Q", title=looks.metric_axis("map", "@all")),
        y2=alt.Y2("map_best:Q"),
        color=looks.color(numbers, legend=None),
    )
    behind = [band]
    interval = base.mark_rule(strokeWidth=1.5).encode(
        y=alt.Y("map_low:Q"), y2=alt.Y2("map_high:Q"), color=looks.color(numbers, legend=None)
    )
    figures = [alt.Tooltip(f"{name}:Q", format=".3f") for name in shown if name in rows]
    line = base.mark_line().encode(y=alt.Y("map:Q"), color=looks.color(numbers))
    point = base.mark_point(filled=True, size=70, opacity=1).encode(
        y=alt.Y("map:Q"), color=looks.color(numbers), shape=looks.shape(numbers), tooltip=looks.tooltip(*figures)
    )
    dashed = {name: number for number, name in enumerate(exact["variant"])}
    # above, as the two beside each other are too wide for a phone
    legend = alt.Legend(title="exact search", orient="top", symbolStrokeColor=GREY, symbolStrokeWidth=2, symbolSize=900)
    across = alt.Chart(exact).mark_rule(size=2, color=GREY)
    across = across.encode(
        y=alt.Y("map:Q"),
        strokeDash=alt.StrokeDash("variant:N", scale=looks.scale(dashed, DASHES), legend=legend),
        tooltip=[alt.Tooltip("variant:N"), figures[0]],
    )
    # a layer without marks would be a picture without words to a screen reader
    behind += ([interval] if "map_low" in rows else []) + ([] if exact.empty else [across])
    # nested, so that colour and shape share one legend and the pale band has none
    chart = alt.layer(*behind, alt.layer(line, point))
    return looks.styled(chart.resolve_scale(color="independent", shape="independent"), [*numbers, *dashed])


CHART = Chart(
    function=draw,
    shows="mAP against code length",
    note="Bars are 95% intervals, bands the bounds of tie orders. Dashed, grey: exact search on the features.",
)
