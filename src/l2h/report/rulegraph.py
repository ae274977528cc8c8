"""A picture of a run's rules: which takes what another one makes."""

import textwrap
from collections.abc import Iterable, Sequence
from itertools import groupby, pairwise

import altair as alt
import igraph
import networkx
import pandas as pd

from l2h.errors import L2HError

Edges = Iterable[Sequence[str]]  # a rule, and one that takes what it makes

LAYER, LINE = 62, 14  # pixels: from layer to layer, and from line to line in a box
LETTERS = 10  # in a line
HALF_WIDTH, HALF_HEIGHT = 0.45, 0.32  # of a box; layers, and places in them, lie 1 apart
COLOR = "currentColor"  # that of the text around, light or dark


def shortest(edges: Edges) -> list[tuple[str, str]]:
    """The edges that do not follow from others, sorted."""
    graph = networkx.DiGraph(map(tuple, edges))
    if not networkx.is_directed_acyclic_graph(graph):
        raise L2HError("the rules that a run tells of follow from each other in a circle; get its run.json anew")
    return sorted(networkx.transitive_reduction(graph).edges)


def in_words(edges: Edges) -> str:
    """What the picture shows."""
    then: dict[str, list[str]] = {}
    for rule, other in shortest(edges):
        then.setdefault(rule, []).append(other)
    return "; ".join(f"{rule}, then {' and '.join(others)}" for rule, others in then.items())


def chart(edges: Edges) -> alt.LayerChart:
    """The rules in layers, from top to bottom, and an arrow from each to those that take what it makes.

    An arrow that follows from others is left out.
    """
    graph = igraph.Graph.TupleList(shortest(edges), directed=True)
    layout = graph.layout_sugiyama()
    places, routes = layout.coords, layout.edge_routing
    _part(places, [bend for bends in routes for bend in bends])
    boxes = pd.DataFrame([_box(rule, *place) for rule, place in zip(graph.vs["name"], places, strict=True)])
    ways = pd.DataFrame(
        {"edge": edge.index, "step": step, "x": x, "y": y}
        for edge, bends in zip(graph.es, routes, strict=True)
        for step, (x, y) in enumerate(_way(places[edge.source], bends, places[edge.target]))
    )
    layers = int(boxes["y"].max()) + 1
    x = alt.X("x:Q", axis=None, scale=alt.Scale(domain=[boxes["left"].min(), boxes["right"].max()], nice=False))
    y = alt.Y("y:Q", axis=None, scale=alt.Scale(domain=[-0.5, layers - 0.5], nice=False, reverse=True))
    line = alt.Chart(ways).mark_line(color=COLOR, strokeWidth=1, opacity=0.7)
    head = alt.Chart(ways.drop_duplicates("edge", keep="last"))
    head = head.mark_point(shape="triangle-down", filled=True, size=40, color=COLOR, opacity=1, yOffset=-3)
    box = alt.Chart(boxes).mark_rect(fill="transparent", stroke=COLOR, cornerRadius=4)
    text = alt.Chart(boxes).mark_text(color=COLOR, fontSize=12, lineHeight=LINE)
    drawn = alt.layer(
        line.encode(x=x, y=y, detail="edge:N", order="step:Q"),
        head.encode(x="x:Q", y="y:Q"),
        box.encode(x="left:Q", x2="right:Q", y="top:Q", y2="bottom:Q"),
        text.encode(x="x:Q", y="first:Q", text="lines:N"),
    )
    shown = drawn.properties(width="container", height=LAYER * layers)
    return shown.configure_view(stroke=None).configure_mark(
        aria=False  # the picture as a whole says what it shows, its marks would say their coordinates
    )


def _part(boxes: Sequence[list[float]], bends: Sequence[list[float]]) -> None:
    """Move what lies too near to its left neighbour to the right; the library does not keep to its gap everywhere."""
    places = [(place, 0.5) for place in boxes] + [(bend, 0.0) for bend in bends]
    by_layer = groupby(sorted(places, key=lambda one: (one[0][1], one[0][0])), key=lambda one: one[0][1])
    for _, layer in by_layer:
        for (left, half), (right, other) in pairwise(layer):
            right[0] = max(right[0], left[0] + half + other)


def _box(rule: str, x: float, y: float) -> dict[str, object]:
    """Where a rule's box is, and its name in lines, of which the first is at `first`."""
    lines = textwrap.wrap(rule.replace("_", " "), LETTERS)
    sides = {"left": x - HALF_WIDTH, "right": x + HALF_WIDTH, "top": y - HALF_HEIGHT, "bottom": y + HALF_HEIGHT}
    return {**sides, "x": x, "y": y, "lines": lines, "first": y - (len(lines) - 1) * LINE / LAYER / 2}


def _way(start: Sequence[float], bends: Sequence[Sequence[float]], end: Sequence[float]) -> list[tuple[float, float]]:
    """From the foot of a box to the head of another; straight down where it passes other boxes' layers."""
    passed = [(x, y + side) for x, y in bends for side in (-HALF_HEIGHT, HALF_HEIGHT)]
    return [(start[0], start[1] + HALF_HEIGHT), *passed, (end[0], end[1] - HALF_HEIGHT)]
