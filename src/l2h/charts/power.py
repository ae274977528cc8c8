"""Smallest detectable difference in mAP against the number of trainings."""

import altair as alt
import pandas as pd

from l2h.charts import looks
from l2h.charts.chart import Chart, Data
from l2h.charts.looks import Drawing

TRAININGS = (2, 3, 5, 10, 20)


def draw(data: Data) -> Drawing | None:
    """A line per code length."""
    if not data.designs:
        return None
    shown = pd.DataFrame(
        [
            {"bits": design.bits, "trainings": trainings, "difference": design.detectable(trainings)}
            for design in data.designs
            for trainings in sorted({*TRAININGS, design.trainings} - {1})
        ]
    )
    bits = sorted(shown["bits"].unique().tolist())
    base = alt.Chart(shown).encode(
        x=alt.X("trainings:Q", title="trainings", scale=alt.Scale(type="log", nice=False, padding=20)),
        y=alt.Y("difference:Q", title="detectable difference in mAP (lower is better)"),
        color=alt.Color("bits:O", scale=alt.Scale(domain=bits, range=looks.PALETTE[: len(bits)]), title="bits"),
    )
    point = base.mark_point(filled=True, size=70, opacity=1)
    point = point.encode(
        shape=alt.Shape("bits:O", scale=alt.Scale(domain=bits, range=looks.SHAPES[: len(bits)]), title="bits"),
        tooltip=[alt.Tooltip("bits:O"), alt.Tooltip("trainings:Q"), alt.Tooltip("difference:Q", format=".4f")],
    )
    return looks.styled(alt.layer(base.mark_line(), point), map(str, bits))


CHART = Chart(
    function=draw,
    shows="Which difference in mAP can this run detect? The smallest one against the number of trainings",
    note="Detected with a probability of 80% at p < 0.05, corrected for the pairs of a code length, with this "
    "run's queries, for a typical pair of its methods.",
)
