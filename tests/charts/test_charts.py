"""Charts of the report: the registry, and one from outside the package."""

import json
import re

import altair as alt
import pandas as pd
import pytest

from l2h import charts, plugins
from l2h.charts import Chart, Data
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


def test_each_chart_of_the_package_says_what_it_shows_and_how_it_is_read():
    found = charts.registered()
    assert {*NAMES} <= found.keys()
    assert all(isinstance(one, Chart) and one.shows and one.note.endswith(".") for one in found.values())


def test_a_variant_keeps_its_number_and_exact_search_has_none():
    data = Data(ROWS, pd.DataFrame())
    assert data.numbers == {"itq": 0, "lsh": 1}
    assert data.hashes["bits"].tolist() == [8, 16, 8]


@pytest.mark.usefixtures("alone")
def test_a_chart_of_a_plug_in_is_drawn_where_it_has_something_to_show(tmp_path):
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
def test_the_chart_of_the_docs_shows_what_it_says(tmp_path):
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
        ("mine", "", "chart draw: shows is empty; say what the chart shows"),
        ("m/p", "mAP", "'m/p' cannot name a chart: letters, digits, '_' and '-', as in a file's name"),
    ],
)
def test_a_wrong_registration_is_one_line(name, shows, words):
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
def test_what_is_no_chart_is_named(drawing, words):
    charts.register("mine", shows="it")(lambda data: drawing)
    with pytest.raises(L2HError, match=words):
        plots.drawn(Data(ROWS, pd.DataFrame()))


def test_a_chart_that_altair_refuses_is_named():
    wrong = alt.Chart(ROWS).mark_bar().encode(x="nosuch")
    with pytest.raises(L2HError, match=r"chart mine: altair refuses it: .*nosuch") as caught:
        plots.spec("mine", wrong)
    assert "\n" not in str(caught.value)
    assert json.dumps(plots.spec("mine", alt.Chart(ROWS).mark_bar().encode(x="bits:Q")))
