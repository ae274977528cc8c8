"""mAP against what it costs."""

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
    """A point a code length, the lengths of a variant joined from short to long."""
    rows = data.hashes
    if rows[quantity].isna().all():
        return None
    marks = rows[f"{quantity}_disturbed"].map({True: MARK, False: ""})
    shown = rows.assign(label=rows["bits"].astype(str) + marks)[["variant", "bits", "label", "map", quantity]].dropna()
    numbers = looks.drawn(data.numbers, shown)
    base = alt.Chart(shown).encode(
        x=alt.X(
            f"{quantity}:Q",
            title=f"{COSTS[quantity]} (lower is better)",
            scale=alt.Scale(type="log", nice=False, padding=20),
            axis=alt.Axis(labelSeparation=8),
        ),
        y=alt.Y("map:Q", title=looks.metric_axis("map", "@all")),
        color=looks.color(numbers),
    )
    figures = [alt.Tooltip("map:Q", format=".3f"), alt.Tooltip(f"{quantity}:Q", format=".2s")]
    point = base.mark_point(filled=True, size=70, opacity=1)
    point = point.encode(shape=looks.shape(numbers), tooltip=looks.tooltip(*figures))
    text = base.mark_text(dy=-10, fontSize=10).encode(text=alt.Text("label:N"))
    return looks.styled(alt.layer(base.mark_line(opacity=0.4).encode(order=alt.Order("bits:Q")), point, text), numbers)


NOTE = f"Numbers at points are bits. {MARK} {DISTURBED}."
HASH = Chart(function=hash_us, shows=f"mAP against {COSTS['hash_us']}", note=NOTE)
TRAINING = Chart(function=training_processor, shows=f"mAP against {COSTS['training_processor']}", note=NOTE)
