"""What a chart is: its function, what it shows in words, and the data that it draws."""

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

BASELINE = "baseline"  # the scope of references such as classifier and pq

# Of variants but exact search: the colour is the remainder by GREY + 1, the shape what is left after this division.
Numbers = dict[str, int]
GREY = 8  # the colour of baselines, after those of methods
SHAPES = 7
SALT = 12814  # gives the package's methods different looks, and those of the quickstart different colours


def numbers(variants: Iterable[str], baselines: Iterable[str] = ()) -> Numbers:
    """Number variants by their names, so that each has one colour in every report.

    The colour follows from the name alone, without a run's name before it. Of variants that would have one shape, too,
    the later gets the next shape: methods of the package come first, then the others in alphabetical order.

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
    """What there is to draw of one dataset, protocol and backbone.

    Attributes
    ----------
    rows : DataFrame, rows of the comparison joined with costs; a row a variant and code length
    curves : DataFrame, precision and recall within each Hamming distance, means over queries and trainings; columns
        variant, bits, distance, recall, precision
    designs : what differences the run can show, one for each code length
    known : the numbers of all variants of the report; those of `rows` alone if None
    """

    rows: "pd.DataFrame"
    curves: "pd.DataFrame"
    designs: Sequence["Design"] = ()
    known: Numbers | None = None

    @property
    def hashes(self) -> "pd.DataFrame":
        """The rows that have codes: all but exact search."""
        return self.rows[self.rows["scope"] != EXACT]

    @property
    def methods(self) -> "pd.DataFrame":
        """The rows of what is compared: neither exact search nor baselines."""
        return self.rows[~self.rows["scope"].isin([EXACT, BASELINE])]

    @property
    def numbers(self) -> Numbers:
        """The number of each variant that has codes, by which it keeps its colour and shape in every report."""
        known = numbered(self.rows) if self.known is None else self.known
        return {variant: known[variant] for variant in dict.fromkeys(self.hashes["variant"])}


def numbered(rows: "pd.DataFrame") -> Numbers:
    """Number the variants of rows that have codes."""
    rows = rows[rows["scope"] != EXACT]
    return numbers(dict.fromkeys(rows["variant"]), rows.loc[rows["scope"] == BASELINE, "variant"])


@dataclass(frozen=True, kw_only=True)
class Chart:
    """One chart of the report.

    Attributes
    ----------
    function : takes `Data`, returns an altair Chart or LayerChart, or None if there is nothing to show
    shows : what it shows, in words, best the question that it answers: its caption, and what screen readers read
    note : what to know to read it, "" for nothing

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
            raise L2HError(f"chart {self.function.__name__}: shows is empty; say what the chart shows")
