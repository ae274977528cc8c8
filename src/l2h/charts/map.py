"""mAP against code length."""

from collections.abc import Sequence

import altair as alt
import pandas as pd

from l2h.charts import looks
from l2h.charts.chart import BASELINE, GREY, Chart, Data
from l2h.charts.looks import Drawing
from l2h.store.cells import EXACT

DASHES = [5, 4]
HEIGHT = 220
GAP = 12  # pixels between two names


def draw(data: Data) -> Drawing:
    """A line per variant with its name at the end, and a band for its interval; dashed grey lines for references.

    With one code length, points and bars replace lines and bands.
    Exact search, and a baseline of another code length, have one value, drawn as a horizontal line.
    """
    columns = ["variant", "bits", "map", "map_low", "map_high", "map_unseen"]
    methods = data.methods[columns].dropna(axis=1, how="all")
    lengths = sorted(int(bits) for bits in (methods if len(methods) else data.hashes)["bits"].unique()) or [1]
    references = _references(data.rows, lengths)
    shown = pd.concat([methods, references])
    low, high = shown.filter(items=["map", "map_low", "map_high"]).stack().agg(["min", "max"])
    pad = 0.04 * (high - low) or 0.05
    names = _names(shown, low - pad, high + pad)
    numbers = looks.drawn(data.numbers, methods)
    color = looks.color({**dict.fromkeys(references["variant"], GREY), **numbers}, legend=None)
    x = _axis(lengths, longest=max(map(len, names["variant"])))
    scale = alt.Scale(domain=[low - pad, high + pad], zero=False, nice=False)
    y = alt.Y("map:Q", title=looks.metric_axis("map", "@all"), scale=scale)
    figures = [alt.Tooltip(f"{name}:Q", format=".3f") for name in columns[2:] if name in methods]

    base = alt.Chart(methods).encode(x=x, color=color)
    band = base.mark_area(opacity=0.15) if len(lengths) > 1 else base.mark_rule(strokeWidth=1.5)
    band = band.encode(y=alt.Y("map_low:Q", scale=scale), y2=alt.Y2("map_high:Q"))
    dashed = alt.Chart(references).mark_line(strokeDash=DASHES)
    dashed = dashed.encode(
        x=x, y=y, color=color, tooltip=[alt.Tooltip("variant:N"), alt.Tooltip("map:Q", format=".3f")]
    )
    line = base.mark_line().encode(y=y)
    point = base.mark_point(filled=True, size=60, opacity=1).encode(
        y=y, shape=looks.shape(numbers, legend=None), tooltip=looks.tooltip(*figures)
    )
    ends = alt.Chart(names).encode(x=alt.X("bits:Q"))
    leader = ends.mark_rule(opacity=0.6).encode(y=y, y2=alt.Y2("place:Q"), x2=alt.X2("room:Q"), color=color)
    limit = alt.expr("width - scale('x', datum.room) - 3")  # cuts names that the chart has no room for
    text = ends.mark_text(align="left", dx=3, fontSize=11, limit=limit).encode(
        x=alt.X("room:Q"), y=alt.Y("place:Q", scale=scale), text=alt.Text("variant:N")
    )
    # screen readers would announce a layer without marks as an image without text
    layers = [band] if "map_low" in methods else []
    layers += [dashed] if len(references) else []
    layers += [line, point] if len(methods) else []
    return looks.styled(alt.layer(*layers, leader, text), names["variant"]).properties(height=HEIGHT)


def _references(rows: pd.DataFrame, lengths: Sequence[int]) -> pd.DataFrame:
    """Baselines and exact search; a value without a code length of the methods is drawn from first to last."""
    rows = rows.loc[rows["scope"].isin([EXACT, BASELINE]), ["variant", "scope", "bits", "map"]]
    own = rows["bits"].isin(lengths) & (rows["scope"] != EXACT) & (len(lengths) > 1)
    ends = (lengths[0], lengths[-1]) if len(lengths) > 1 else (lengths[0] / 1.08, lengths[0] * 1.08)
    across = [rows[~own].assign(bits=bits) for bits in ends]
    return pd.concat([rows[own], *across]).drop(columns="scope")


def _names(shown: pd.DataFrame, low: float, high: float) -> pd.DataFrame:
    """The last point of each line, and the position of its name, "room" and "place", without overlaps."""
    last = shown.sort_values("bits", kind="stable").drop_duplicates("variant", keep="last").sort_values("map")
    gap = min(GAP / HEIGHT, 1 / (len(last) + 1)) * (high - low)
    places: list[float] = []
    for value in last["map"]:
        places.append(max(value, places[-1] + gap) if places else value)
    for at in reversed(range(len(places))):  # move names above the top down again, and those below them
        top = places[at + 1] - gap if at + 1 < len(places) else high - gap / 2
        places[at] = min(places[at], top)
    bits = shown["bits"].max()
    return last.assign(place=places, room=bits * (bits / shown["bits"].min()) ** 0.06 * 1.02)[
        ["variant", "bits", "map", "place", "room"]
    ]


def _axis(lengths: Sequence[int], longest: int) -> alt.X:
    """A logarithmic axis of code lengths, with space for names of `longest` letters."""
    first, last = lengths[0] / 1.1, lengths[-1] * 1.1
    room = min(0.4, 0.1 + 0.012 * longest)  # share of the width
    end = first * (last / first) ** (1 / (1 - room)) if len(lengths) > 1 else 2 * last
    axis = alt.Axis(values=list(lengths), format="d", grid=False)
    return alt.X(
        "bits:Q", title="bits", scale=alt.Scale(type="log", base=2, domain=[first, end], nice=False), axis=axis
    )


CHART = Chart(
    function=draw,
    shows="Which code length is enough? mAP against code length",
    note="Bands are 95% CI. Dashed, grey: baselines, and exact search on the features.",
)
