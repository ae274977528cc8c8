"""Charts of the report by name: one file each, with a function from `Data` to an altair chart.

Charts are registered here or by a plug-in. The report shows them for each dataset, protocol and backbone, and `plots/`
has them as PNG and SVG.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from l2h.charts.chart import Chart, Data
from l2h.registry import Registry

F = TypeVar("F", bound=Callable[[Data], Any])

registry = Registry(
    "chart",
    {  # in the order of the report
        "map": "l2h.charts.map:CHART",
        "precision-recall": "l2h.charts.precision_recall:CHART",
        "radius": "l2h.charts.radius:CHART",
        "hash-us": "l2h.charts.costs:HASH",
        "training-processor": "l2h.charts.costs:TRAINING",
        "power": "l2h.charts.power:CHART",
    },
)


def register(name: str, *, shows: str, note: str = "") -> Callable[[F], F]:
    """Return a decorator that registers a function as the chart `name`, after those of the package.

    Parameters
    ----------
    shows, note : attributes of `Chart`

    Raises
    ------
    L2HError
        another chart has this name, or `shows` is empty
    """

    def add(function: F) -> F:
        registry.register(name)(Chart(function=function, shows=shows, note=note))
        return function

    return add


def registered() -> dict[str, Chart]:
    """All charts by name, in the order of the report; imports altair."""
    return {name: registry.get(name) for name in registry}


__all__ = ["Chart", "Data", "register", "registered", "registry"]
