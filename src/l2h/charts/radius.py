"""Precision within Hamming radius 2 against code length."""

import altair as alt

from l2h.charts import looks
from l2h.charts.chart import Chart, Data
from l2h.charts.looks import Drawing


def draw(data: Data) -> Drawing | None:
    """A line per variant."""
    name = "precision_in_radius"
    if data.hashes[name].isna().all():
        return None
    shown = data.hashes[["variant", "bits", name, "empty_in_radius"]].dropna()
    numbers = looks.drawn(data.numbers, shown)
    base = alt.Chart(shown).encode(
        x=looks.bits_axis(), y=alt.Y(f"{name}:Q", title=looks.metric_axis(name)), color=looks.color(numbers)
    )
    figures = [alt.Tooltip(f"{name}:Q", format=".3f") for name in (name, "empty_in_radius")]
    point = base.mark_point(filled=True, size=70, opacity=1)
    point = point.encode(shape=looks.shape(numbers), tooltip=looks.tooltip(*figures))
    return looks.styled(alt.layer(base.mark_line(), point), numbers)


CHART = Chart(
    function=draw,
    shows="Is Hamming radius 2 enough? Precision within it against code length",
    note="A query without items within the radius counts as precision 0, so lines fall if most queries find nothing.",
)
