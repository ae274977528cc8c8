"""The definition of a metric: its function, where it is reported, and what its values mean."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from inspect import signature
from typing import Any, Literal, NamedTuple, get_args

import numpy as np

from l2h.errors import L2HError

Ties = Literal["expected", "worst", "best"]
Normalise = Literal["retrieved", "relevant"]
Of = Literal["ranking", "selection", "histogram", "codes"]  # in the order of their rows in `metrics.parquet`


class At(NamedTuple):
    """Where a metric is reported.

    Attributes
    ----------
    k : None for the whole ranking; for a histogram a Hamming distance
    ties : how ties are broken, None if it makes no difference
    normalise : of average precision, None for any other metric
    """

    k: int | None = None
    ties: Ties | None = None
    normalise: Normalise | None = None


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One metric of the benchmark.

    Attributes
    ----------
    name : in `metrics.parquet`
    function : takes the object that `of` names, then k, ties and normalise, as many as it has parameters for; returns
        one value per query, float (Q,), whose mean is reported, or one number
    axis : label of an axis or a column
    better : "higher", "lower" or "" if neither is
    formula : in words and symbols
    source : publication that defined it, "" if obvious
    short : heading of its columns in `table.md`, "" to leave them out
    of : what `function` takes: any "ranking" (`l2h.metrics.Groups` or `l2h.ranking.RankedRelevance`), a "histogram" by
        Hamming distance (`l2h.ranking.RankHistogram`), the database's "codes" (`l2h.metrics.Codes`), or the "selection"
        record of a deep method (its choice on validation images). A cell without this object does not have the metric
    unseen : True for the database without the training images
    at : where it is reported
    by_distance : `function` returns a value for each Hamming distance, float (Q, bits + 1); k is the distance
    columns : of the comparison, by name; None for one at each k, expected under ties
    count : True for integers
    warning : a sentence that the report shows if a value is above 0, with {count}, the greatest value, or {cells}, the
        methods and code lengths. Only then does the report's table have the column

    Raises
    ------
    L2HError
        `better` or `of` is unknown, or `axis` or `formula` is empty
    """

    name: str
    function: Callable[..., Any]
    axis: str
    better: Literal["higher", "lower", ""]
    formula: str
    source: str = ""
    short: str = ""
    of: Of = "ranking"
    unseen: bool = False
    at: tuple[At, ...] = (At(),)
    by_distance: bool = False
    columns: Mapping[str, At] | None = None
    count: bool = False
    warning: str = ""

    def __post_init__(self) -> None:
        for key, allowed in (("better", ("higher", "lower", "")), ("of", get_args(Of))):
            if getattr(self, key) not in allowed:
                choice = ", ".join(map(repr, allowed))
                raise L2HError(f"metric {self.name}: {key} must be one of {choice}, got {getattr(self, key)!r}")
        for key in ("axis", "formula"):
            if not getattr(self, key):
                raise L2HError(f"metric {self.name}: {key} is empty; describe the metric")

    @property
    def basis(self) -> str:
        """What the metric is computed on."""
        return f"{self.of}, unseen images" if self.unseen else self.of

    def values(self, what: Any, items: int) -> dict[At, float | None]:
        """Compute the metric of one cell wherever it is reported.

        Parameters
        ----------
        what : the object that `of` names
        items : size of the database; a value at a larger k is None

        Raises
        ------
        L2HError
            `function` returns a table
        """
        if self.by_distance:
            means = np.asarray(self.function(what)).mean(axis=0)
            return {At(distance): float(mean) for distance, mean in enumerate(means)}
        parameters = len(signature(self.function).parameters) - 1
        found: dict[At, float | None] = {}
        for at in self.at:
            if self.of == "ranking" and at.k is not None and at.k > items:
                found[at] = None
                continue
            value = np.asarray(self.function(what, *at[:parameters]))
            if value.ndim > 1:
                cure = "it must return one value a query, or one number"
                raise L2HError(f"metric {self.name}: its function returned shape {value.shape}; {cure}")
            found[at] = float(value.mean())
        return found

    def reported(self) -> dict[str, "Column"]:
        """The metric's columns of the comparison, by name."""
        places = self.columns
        if places is None:
            expected = [at for at in self.at if at.ties in (None, "expected")]
            deep = self.of == "ranking"  # other values of k are not a depth
            places = {f"{self.name}_at_{at.k}" if deep and at.k is not None else self.name: at for at in expected}
        return {name: Column(self, at) for name, at in places.items()}


@dataclass(frozen=True)
class Column:
    """A column of the comparison: a metric, and where it is reported."""

    metric: Metric
    at: At

    @property
    def k(self) -> int:
        """The depth k in the ranking; 0 for the whole ranking, or if it has no depth."""
        return (self.at.k or 0) if self.metric.of == "ranking" else 0

    @property
    def head(self) -> str:
        """The column's heading in the report's table."""
        return f"{self.at.ties} ties" if self.at.ties in ("worst", "best") else self.label(self.metric.axis)

    def label(self, text: str) -> str:
        """A text about the metric, with this column's k."""
        return f"{text.removesuffix('@k')}@{self.k}" if self.k else text

    @property
    def format(self) -> str:
        """Format of the values, as for `%`."""
        return "%.0f" if self.metric.count else "%.3f"
