"""What a chart is: its function, what it shows in words, and the data that it draws."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from l2h.errors import L2HError
from l2h.store.cells import EXACT

if TYPE_CHECKING:
    import pandas as pd

    from l2h.evaluation.power import Design

Numbers = dict[str, int]  # of variants but exact search, by which they have a colour and a shape


@dataclass(frozen=True)
class Data:
    """What there is to draw of one dataset, protocol and backbone.

    Attributes
    ----------
    rows : DataFrame, rows of the comparison joined with costs; a row a variant and code length
    curves : DataFrame, precision and recall within each Hamming distance, means over queries and trainings; columns
        variant, bits, distance, recall, precision
    designs : what differences the run can show, one for each code length
    """

    rows: "pd.DataFrame"
    curves: "pd.DataFrame"
    designs: Sequence["Design"] = ()

    @property
    def hashes(self) -> "pd.DataFrame":
        """The rows that have codes: all but exact search."""
        return self.rows[self.rows["scope"] != EXACT]

    @property
    def numbers(self) -> Numbers:
        """The number of each variant that has codes, by which it keeps its colour and shape through the report."""
        return {variant: number for number, variant in enumerate(dict.fromkeys(self.hashes["variant"]))}


@dataclass(frozen=True, kw_only=True)
class Chart:
    """One chart of the report.

    Attributes
    ----------
    function : takes `Data`, returns an altair Chart or LayerChart, or None if there is nothing to show
    shows : what it shows, in words: its caption, and what screen readers read
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
