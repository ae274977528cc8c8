"""Metrics by name: how each is computed, where it is reported, and what its values mean.

A metric is one function and one entry in the `METRICS` of its file; or both in a plug-in. Metrics of rankings are pure
functions, exact under ties.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from l2h.errors import L2HError
from l2h.metrics import cautions, of_codes, of_histograms, of_rankings
from l2h.metrics.metric import At, Column, Metric, Normalise, Of, Ties
from l2h.metrics.of_codes import Codes
from l2h.metrics.of_histograms import (
    is_empty_within_radius,
    precision_recall_curve,
    precision_within_radius,
    tied_pairs,
)
from l2h.metrics.of_rankings import average_precision, precision_at_k, recall_at_k
from l2h.metrics.tied_groups import Groups, Ranking, shared
from l2h.registry import Registry

F = TypeVar("F", bound=Callable[..., Any])

FILES = (of_rankings, of_histograms, of_codes, cautions)  # in the order of the comparison's columns
registry = Registry("metric", {metric.name: metric for file in FILES for metric in file.METRICS})


def register(name: str, **description: Any) -> Callable[[F], F]:
    """Decorator that adds a function as the metric `name`.

    Parameters
    ----------
    description : the attributes of `Metric`, but `name` and `function`

    Raises
    ------
    L2HError
        another metric has this name, or one of its columns; or the description is wrong
    """

    def add(function: F) -> F:
        metric = Metric(name=name, function=function, **description)
        for column in metric.reported():
            other = columns().get(column)
            if other and other.metric.name != name:
                raise L2HError(f"metric {name}: {other.metric.name} has the column {column!r}; choose another name")
        registry.register(name)(metric)
        return function

    return add


def registered() -> dict[str, Metric]:
    """All metrics by name, those of plug-ins last."""
    return {name: registry.get(name) for name in registry}


def columns() -> dict[str, Column]:
    """The comparison's columns that hold a metric, by name: whole rankings first, then first places, then the rest."""
    found = {name: column for metric in registered().values() for name, column in metric.reported().items()}
    return dict(sorted(found.items(), key=lambda one: 2 if one[1].at.ties is None else bool(one[1].k)))


__all__ = [
    "At",
    "Codes",
    "Column",
    "Groups",
    "Metric",
    "Normalise",
    "Of",
    "Ranking",
    "Ties",
    "average_precision",
    "columns",
    "is_empty_within_radius",
    "precision_at_k",
    "precision_recall_curve",
    "precision_within_radius",
    "recall_at_k",
    "register",
    "registered",
    "registry",
    "shared",
    "tied_pairs",
]
