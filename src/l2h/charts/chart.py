"""Base of all charts: the drawing function, its description, and the data to draw."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from l2h import hashing
from l2h.errors import L2HError
from l2h.store.cells import EXACT

if TYPE_CHECKING:
    import pandas as pd

    from l2h.evaluation.power import Design

BASELINE = "baseline"  # scope of references such as classifier and pq

# Of all variants except exact search: colour is the number modulo GREY + 1, shape the integer quotient.
Numbers = dict[str, int]
GREY = 8  # the colour of baselines, after those of methods
SHAPES = 7
SALT = 12814  # gives each method of the package a different symbol, and each of the quickstart a different colour


def numbers(variants: Iterable[str], baselines: Iterable[str] = ()) -> Numbers:
    """Number variants by their names, so that each has the same colour in every report.

    The colour depends only on the name, without the prefix of its run. If two variants would have the same colour and
    shape, the later gets the next shape: methods of the package come first, then the others in alphabetical order.

    Examples
    --------
    >>> from l2h.charts.chart import numbers
    >>> numbers(["itq", "my-itq"])["itq"] == numbers(["lsh", "itq"])["itq"]
    True
    """
    names, grey = list(variants), set(baselines)
    found: Numbers = {}
    for variant in sorted(names, key=lambda name: (name not in hashing.registry, name)):
        name = variant.rpartition(": ")[2]
        digest = int.from_bytes(sha256(f"{SALT} {name}".encode()).digest()[:4])
        color = GREY if variant in grey else digest % GREY
        shapes = [color + (GREY + 1) * ((digest // GREY + step) % SHAPES) for step in range(SHAPES)]
        found[variant] = next((number for number in shapes if number not in found.values()), shapes[0])
    return {variant: found[variant] for variant in names}


@dataclass(frozen=True)
class Data:
    """The data to draw for one dataset, protocol and backbone.

    Attributes
    ----------
    rows : DataFrame, rows of the comparison joined with costs; one per variant and code length
    curves : DataFrame, precision and recall within each Hamming distance, means over queries and trainings; columns
        variant, bits, distance, recall, precision
    designs : the differences that the run can detect, one for each code length
    known : the numbers of all variants of the report; only those of `rows` if None
    """

    rows: "pd.DataFrame"
    curves: "pd.DataFrame"
    designs: Sequence["Design"] = ()
    known: Numbers | None = None

    @property
    def hashes(self) -> "pd.DataFrame":
        """The rows with codes: all except exact search."""
        return self.rows[self.rows["scope"] != EXACT]

    @property
    def methods(self) -> "pd.DataFrame":
        """The rows of methods, without exact search and baselines."""
        return self.rows[~self.rows["scope"].isin([EXACT, BASELINE])]

    @property
    def numbers(self) -> Numbers:
        """The number of each variant with codes, which sets its colour and shape in every report."""
        known = numbered(self.rows) if self.known is None else self.known
        return {variant: known[variant] for variant in dict.fromkeys(self.hashes["variant"])}


def numbered(rows: "pd.DataFrame") -> Numbers:
    """Number the variants with codes."""
    rows = rows[rows["scope"] != EXACT]
    return numbers(dict.fromkeys(rows["variant"]), rows.loc[rows["scope"] == BASELINE, "variant"])


@dataclass(frozen=True, kw_only=True)
class Chart:
    """One chart of the report.

    Attributes
    ----------
    function : takes `Data`, returns an altair Chart or LayerChart, or None if there is nothing to show
    shows : its caption, preferably the question that it answers; screen readers read it too
    note : an explanation for readers, "" for none

    Raises
    ------
    L2HError
        `shows` is empty
    """

    function: Callable[[Data], Any]
    shows: str
    note: str = ""

    def __post_init__(self) -> None:
        if not self.shows:
            raise L2HError(f"chart {self.function.__name__}: shows is empty; describe what the chart shows")
