"""A chart from outside the package: how much mAP differs between trainings."""

import altair as alt

from l2h import charts
from l2h.charts import looks


@charts.register(
    "spread",
    shows="Standard deviation of mAP between trainings against code length",
    note="A method without random parts has none.",
)
def spread(data):
    """A line per variant, or None if each was trained once."""
    rows = data.hashes[["variant", "bits", "map_std"]].dropna()
    if rows.empty:
        return None
    numbers = looks.drawn(data.numbers, rows)
    chart = alt.Chart(rows).mark_line(point=True)
    chart = chart.encode(x=looks.bits_axis(), y="map_std:Q", color=looks.color(numbers))
    return looks.styled(chart, numbers)
