"""Charts of the report: the registry, and a plug-in."""

import json
import re

import altair as alt
import pandas as pd
import pytest
import vl_convert

from l2h import charts, hashing, plugins
from l2h.charts import Chart, Data, costs, looks
from l2h.charts import map as chart_of_map
from l2h.charts.chart import GREY, SHAPES, numbers
from l2h.errors import L2HError
from l2h.report import plots
from workspace import ROOT, SUPPORT

ROWS = pd.DataFrame(
    {
        "variant": ["itq", "itq", "lsh", "l2"],
        "scope": ["shallow", "shallow", "shallow", "exact"],
        "bits": [8, 16, 8, 0],
        "map_std": [0.1, 0.2, None, None],
    }
)
NAMES = (  # of files in plots/
    "map",
    "precision-recall",
    "radius",
    "hash-us",
    "training-processor",
    "power",
)


@pytest.fixture
def alone(own_plugins, monkeypatch):
    """The registry without the charts of the package, whose rows would take many columns."""
    monkeypatch.setattr(charts.registry, "_targets", {})


def test_each_file_of_a_chart_is_registered():
    no_charts = {"__init__", "chart", "looks"}
    files = {f"l2h.charts.{path.stem}" for path in (ROOT / "src/l2h/charts").glob("*.py") if path.stem not in no_charts}
    assert set(charts.registry.modules()) == files


def test_each_chart_has_a_caption_and_a_note():
    found = charts.registered()
    assert {*NAMES} <= found.keys()
    assert all(isinstance(one, Chart) and one.shows and one.note.endswith(".") for one in found.values())


def color_and_shape(number):
    return number % (GREY + 1), number // (GREY + 1)


def test_exact_search_has_no_number_and_a_baseline_is_grey():
    rows = pd.concat([ROWS, ROWS[:1].assign(variant="classifier", scope="baseline")])
    data = Data(rows, pd.DataFrame())
    assert list(data.numbers) == ["itq", "lsh", "classifier"]
    assert color_and_shape(data.numbers["classifier"])[0] == GREY
    assert data.hashes["bits"].tolist() == [8, 16, 8, 8]
    assert data.methods["bits"].tolist() == [8, 16, 8]


def test_a_method_has_one_colour_and_shape_in_every_report():
    """Published reports use these: another salt or palette must not change them unnoticed."""
    known = {"lsh": 29, "itq": 46, "sh": 13, "dsh": 43, "hashnet": 5, "bihalf": 18}
    assert numbers(known) == known
    assert numbers(list(known)[::-1]) == known
    methods = set(hashing.registry) - {"classifier", "cosine", "external", "l2", "one_hot", "pq"}
    assert {name: numbers(methods)[name] for name in known} == known
    assert len(set(numbers(methods).values())) == len(methods)
    assert numbers(["run 1: dsh"]) == {"run 1: dsh": known["dsh"]}


def test_of_two_methods_with_one_look_the_plug_in_s_changes():
    twin = next(name for name in map("a{}".format, range(10_000)) if numbers([name]) == {name: numbers(["sh"])["sh"]})
    found = numbers([twin, "sh"])
    assert list(found) == [twin, "sh"]
    assert found["sh"] == numbers(["sh"])["sh"]
    (color, shape), (other, moved) = map(color_and_shape, (found["sh"], found[twin]))
    assert (color, (shape + 1) % SHAPES) == (other, moved)
    runs = numbers([f"run {run}: sh" for run in range(SHAPES + 2)])
    assert {color_and_shape(number) for number in runs.values()} == {(color, one) for one in range(SHAPES)}


def test_every_number_has_a_colour_and_a_shape():
    assert len(looks.PALETTE) == len(set(looks.PALETTE)) == GREY + 1
    assert len(looks.SHAPES) == len(set(looks.PATHS)) == SHAPES


def costly(**columns):
    """Data of one method and six code lengths, with map and costs of these columns."""
    rows = ROWS[:1].merge(pd.DataFrame({"bits": range(6)}), how="cross", suffixes=("_", ""))
    return Data(rows.assign(**{"hash_us_disturbed": False, **columns}), pd.DataFrame())


def corners(drawing):
    """The points of a drawn line of steps, from left to right, as pixels."""
    svg = vl_convert.vegalite_to_svg(plots.spec("c", drawing))
    (path,) = re.findall(r'aria-roledescription="line mark"[^>]* d="M([^"]*)"', svg)
    steps = [tuple(map(float, point.split(","))) for point in path.split("L")]
    return [step for number, step in enumerate(steps) if number % 2 == 0]


MAP, COST = [0.5, 0.4, 0.6, 0.6, 0.9, 0.7], [1.0, 1.0, 2.0, 3.0, 5.0, 5.0]


def test_the_only_line_of_a_chart_of_costs_is_the_frontier():
    """Three rows: the best of the cheapest two, the cheaper of two with one mAP, and the best of the dearest two."""
    found = corners(costs.hash_us(costly(map=MAP, hash_us=COST)))
    assert len(found) == 3
    assert found == sorted(found)
    assert [y for _, y in found] == sorted((y for _, y in found), reverse=True)  # pixels go down


def test_disturbed_costs_are_not_on_the_frontier():
    data = costly(map=MAP, hash_us=COST, hash_us_disturbed=[False, False, True, True, False, False])
    assert len(corners(costs.hash_us(data))) == 2
    assert costs.hash_us(costly(map=MAP, hash_us=COST, hash_us_disturbed=[True] * 4 + [False] * 2)) is None


def names_in(spec):
    text = next(layer for layer in spec["layer"] if layer["mark"]["type"] == "text")
    return pd.DataFrame(spec["datasets"][text["data"]["name"]])


@pytest.fixture(scope="module")
def lines():
    """The chart of mAP of two methods with one last value, a baseline, one of a length of its own, and exact search."""
    values = {"map": [0.5, 0.6, 0.601, 0.8, 0.82, 0.7, 0.9], "map_low": 0.4, "map_high": 0.65, "map_unseen": None}
    rows = pd.DataFrame(
        {
            "variant": ["itq", "itq", "lsh", "classifier", "classifier", "one_hot", "l2"],
            "scope": ["shallow"] * 3 + ["baseline"] * 3 + ["exact"],
            "bits": [8, 16, 16, 8, 16, 4, 4096],
            **values,
        }
    )
    return chart_of_map.draw(Data(rows, pd.DataFrame())).to_dict()


def test_each_line_ends_in_its_name_and_no_two_names_overlap(lines):
    names = names_in(lines)
    assert set(names["variant"]) == {"itq", "lsh", "classifier", "one_hot", "l2"}
    low, high = lines["layer"][1]["encoding"]["y"]["scale"]["domain"]
    assert names["place"].between(low, high).all()
    gaps = names["place"].sort_values().diff().dropna() / (high - low) * chart_of_map.HEIGHT
    assert gaps.min() >= chart_of_map.GAP - 1e-6
    assert names.sort_values("map")["place"].is_monotonic_increasing


def test_one_code_length_has_bars_and_lines_across():
    values = {"bits": 8, "map": [0.5, 0.7, 0.9], "map_low": 0.4, "map_high": 0.6, "map_unseen": None}
    rows = pd.DataFrame({"variant": ["itq", "classifier", "l2"], "scope": ["shallow", "baseline", "exact"], **values})
    spec = chart_of_map.draw(Data(rows, pd.DataFrame())).to_dict()
    assert [layer["mark"]["type"] for layer in spec["layer"]][:2] == ["rule", "line"]
    across = pd.DataFrame(spec["datasets"][spec["layer"][1]["data"]["name"]])
    assert across.groupby("variant")["bits"].agg(lambda bits: bits.min() < 8 < bits.max()).to_dict() == {
        "classifier": True,
        "l2": True,
    }


def test_references_are_dashed_lines_and_exact_search_lies_across(lines):
    dashed = next(layer for layer in lines["layer"] if "strokeDash" in layer["mark"])
    rows = pd.DataFrame(lines["datasets"][dashed["data"]["name"]])
    points = {name: part[["bits", "map"]].to_numpy().tolist() for name, part in rows.groupby("variant")}
    assert points == {
        "classifier": [[8, 0.8], [16, 0.82]],
        "one_hot": [[8, 0.7], [16, 0.7]],
        "l2": [[8, 0.9], [16, 0.9]],
    }
    colors = dict(zip(*dashed["encoding"]["color"]["scale"].values(), strict=True))
    assert {name for name, color in colors.items() if color == looks.GREY} == set(points)


@pytest.mark.usefixtures("alone")
def test_a_plug_in_s_chart_is_drawn_if_it_has_data(tmp_path):
    plugins.load([str(SUPPORT / "toy_chart.py")])
    drawn = plots.drawn(Data(ROWS, pd.DataFrame()))
    assert list(drawn) == ["spread"]
    spec = plots.spec("spread", drawn["spread"])
    (points,) = spec["datasets"].values()
    assert [(point["bits"], point["map_std"]) for point in points] == [(8, 0.1), (16, 0.2)]
    assert spec["encoding"]["color"]["scale"]["domain"] == ["itq"]
    assert plots.drawn(Data(ROWS.assign(map_std=None), pd.DataFrame())) == {}
    plots.write(drawn, tmp_path / "plots")
    assert sorted(path.name for path in (tmp_path / "plots").iterdir()) == ["spread.png", "spread.svg"]
    assert "map_std" in (tmp_path / "plots/spread.svg").read_text()


@pytest.mark.usefixtures("alone")
def test_the_docs_example_of_a_chart_is_drawn(tmp_path):
    (block,) = re.findall(r"^```python\n(.*?)^```", (ROOT / "docs/how-to/adding-a-chart.md").read_text(), re.M | re.S)
    (tmp_path / "chart_of_the_docs.py").write_text(block)
    plugins.load([str(tmp_path / "chart_of_the_docs.py")])
    data = Data(ROWS.assign(map=[0.5, 0.6, 0.4, 0.9], map_unseen=[0.4, 0.6, None, 0.9]), pd.DataFrame())
    spec = plots.spec("seen", plots.drawn(data)["seen"])
    (points,) = spec["datasets"].values()
    assert [(point["variant"], round(point["gap"], 3)) for point in points] == [("itq", 0.1), ("itq", 0)]


@pytest.mark.usefixtures("own_plugins")
@pytest.mark.parametrize(
    ("name", "shows", "words"),
    [
        ("map", "mAP", "the chart 'map' exists already .l2h.charts.map:CHART.; choose another name"),
        ("mine", "", "chart draw: shows is empty; describe what the chart shows"),
        ("m/p", "mAP", "'m/p' is not a valid name for a chart: use only letters, digits, '_' and '-'"),
    ],
)
def test_an_invalid_registration_is_one_line(name, shows, words):
    def draw(data):
        return None

    with pytest.raises(L2HError, match=words):
        charts.register(name, shows=shows)(draw)


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize(
    ("drawing", "words"),
    [
        (
            {"mark": "bar"},
            "chart mine: its function returned dict; it must return an altair Chart or Layer",
        ),
        (alt.hconcat(alt.Chart().mark_bar()), "chart mine: its function returned HConcatChart; it must"),
    ],
)
def test_an_invalid_chart_is_named(drawing, words):
    charts.register("mine", shows="it")(lambda data: drawing)
    with pytest.raises(L2HError, match=words):
        plots.drawn(Data(ROWS, pd.DataFrame()))


def test_a_chart_that_altair_refuses_is_named():
    wrong = alt.Chart(ROWS).mark_bar().encode(x="nosuch")
    with pytest.raises(L2HError, match=r"chart mine: altair rejects it: .*nosuch") as caught:
        plots.spec("mine", wrong)
    assert "\n" not in str(caught.value)
    assert json.dumps(plots.spec("mine", alt.Chart(ROWS).mark_bar().encode(x="bits:Q")))
