"""mAP against cost."""

import altair as alt

from l2h.charts import looks
from l2h.charts.chart import Chart, Data
from l2h.charts.looks import Drawing
from l2h.evaluation.cost_names import COSTS, DISTURBED, MARK


def hash_us(data: Data) -> Drawing | None:
    """MAP against the time from features to a code."""
    return draw(data, "hash_us")


def training_processor(data: Data) -> Drawing | None:
    """MAP against the CPU time of training."""
    return draw(data, "training_processor")


def draw(data: Data, quantity: str) -> Drawing | None:
    """A point for each method and code length, and the frontier; None if most costs were disturbed."""
    columns = ["variant", "bits", "map", quantity, f"{quantity}_disturbed"]
    rows = data.methods[columns].dropna()
    disturbed = rows[f"{quantity}_disturbed"].astype(bool)
    if rows.empty or disturbed.mean() > 0.5:
        return None
    shown = rows.assign(label=rows["bits"].astype(str) + disturbed.map({True: MARK, False: ""}))
    shown = shown.rename(columns={f"{quantity}_disturbed": "disturbed"})
    numbers = looks.drawn(data.numbers, shown)
    x = alt.X(
        f"{quantity}:Q",
        title=f"{COSTS[quantity]} (lower is better)",
        scale=alt.Scale(type="log", nice=False, padding=20),
        axis=alt.Axis(labelSeparation=8, grid=False),
    )
    y = alt.Y("map:Q", title=looks.metric_axis("map", "@all"), scale=alt.Scale(zero=False, padding=15))
    edge = frontier(alt.Chart(shown).transform_filter("!datum.disturbed"), quantity)
    edge = edge.mark_line(interpolate="step-after", color=looks.GREY, strokeWidth=1.5).encode(x=x, y=y)
    base = alt.Chart(shown).encode(x=x, y=y, color=looks.color(numbers))
    figures = [alt.Tooltip("map:Q", format=".3f"), alt.Tooltip(f"{quantity}:Q", format=".2s")]
    point = base.mark_point(filled=True, size=60, opacity=1)
    point = point.encode(shape=looks.shape(numbers), tooltip=looks.tooltip(*figures))
    text = alt.Chart(shown).mark_text(dy=-9, fontSize=9).encode(x=x, y=y, text=alt.Text("label:N"))
    return looks.styled(alt.layer(edge, point, text), numbers)


def frontier(chart: alt.Chart, cost: str) -> alt.Chart:
    """The rows that no other beats in both mAP and cost, computed again when a method is hidden."""
    order: list[alt.SortField | dict[str, str]] = [
        alt.SortField(cost, "ascending"),
        alt.SortField("map", "descending"),
    ]
    chart = chart.transform_window(highest="max(map)", sort=order).transform_window(cheaper="lag(highest)", sort=order)
    return chart.transform_filter("!isValid(datum.cheaper) || datum.map > datum.cheaper")


NOTE = f"Numbers at points are bits. Grey: the frontier, where nothing cheaper has a higher mAP. {MARK} {DISTURBED}."
HASH = Chart(function=hash_us, shows=f"What does a faster code cost? mAP against {COSTS['hash_us']}", note=NOTE)
TRAINING = Chart(
    function=training_processor,
    shows=f"Does longer training pay? mAP against {COSTS['training_processor']}",
    note=NOTE,
)
