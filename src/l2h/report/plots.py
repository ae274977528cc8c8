"""Draw the charts of a group of rows, and write them as image files."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from altair import Chart, LayerChart

from l2h import charts
from l2h.charts import Data
from l2h.charts.looks import Drawing
from l2h.errors import L2HError, line
from l2h.store.files import atomic

PAPER_WIDTH = 480


def drawn(data: Data) -> dict[str, Drawing]:
    """The charts that are not empty, by name.

    Raises
    ------
    L2HError
        a chart's function returns what is no chart
    """
    found: dict[str, Drawing] = {}
    for name, chart in charts.registered().items():
        drawing = chart.function(data)
        if drawing is None:
            continue
        if not isinstance(drawing, Chart | LayerChart):
            cure = "it must return an altair Chart or LayerChart, or None"
            raise L2HError(f"chart {name}: its function returned {type(drawing).__name__}; {cure}")
        found[name] = drawing
    return found


def spec(name: str, drawing: Drawing) -> dict[str, Any]:
    """A chart as Vega-Lite; raises L2HError with its name if altair rejects it."""
    try:
        return drawing.to_dict()
    except Exception as error:
        raise L2HError(f"chart {name}: altair rejects it: {line(error)}") from error


def write(plots: Mapping[str, Drawing], folder: str | Path) -> None:
    """Write each chart as `<name>.png` and `<name>.svg`, on white, with a fixed width."""
    with atomic(folder) as part:
        part.mkdir()
        for name, chart in plots.items():
            sized = chart.properties(width=PAPER_WIDTH)
            sized.save(part / f"{name}.svg", format="svg")
            sized.save(part / f"{name}.png", format="png", scale_factor=2)
