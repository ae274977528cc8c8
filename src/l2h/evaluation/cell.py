"""The metrics of one cell: one method at one code length and seed."""

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from l2h import metrics
from l2h.metrics import At, Codes, Normalise, Of, Ranking, Ties
from l2h.metrics.of_codes import NEAR_CONSTANT, near_constant_bits
from l2h.ranking import RankHistogram

if TYPE_CHECKING:
    import pandas as pd

# Warn if the share of near-constant bits exceeds this. Some methods have a few by design, such as the classifier's
# codewords: one bit of 16 for ten classes.
MANY = 0.25


class Evaluation(NamedTuple):
    """Scores of one cell.

    Attributes
    ----------
    figures : one dict each: metric (a name in `l2h.metrics.registry`), k, ties, normalise, value
    by_query : average precision of each query, float64 (Q,): `average_precision` over the database, and
        `average_precision_unseen` over its unseen part, NaN if that is empty
    """

    figures: list[dict[str, Any]]
    by_query: dict[str, NDArray[np.float64]]

    def value(
        self, metric: str, k: int | None = None, ties: Ties = "expected", normalise: Normalise = "retrieved"
    ) -> float:
        """One value; `ties` and `normalise` select among several variants of a metric.

        Returns
        -------
        the value, NaN if the database has fewer than k items

        Raises
        ------
        KeyError
            the metric is not reported, or not at this k
        """
        rows = [row for row in self.figures if (row["metric"], row["k"]) == (metric, k)]
        for name, wanted in (("ties", ties), ("normalise", normalise)):
            if len(rows) > 1:
                rows = [row for row in rows if row[name] == wanted]
        if not rows:
            raise KeyError(f"no value of {metric!r} at k {k}; to_frame() lists the available ones")
        return float("nan") if rows[0]["value"] is None else float(rows[0]["value"])

    def to_frame(self) -> "pd.DataFrame":
        """All values as a table: metric, k, ties, normalise, value."""
        import pandas as pd

        return pd.DataFrame(self.figures).astype({"k": "Int64"})


def evaluate(
    database: Ranking,
    unseen: Ranking,
    codes: NDArray[np.uint8] | None = None,
    selection: Mapping[str, Any] | None = None,
) -> Evaluation:
    """Compute all metrics of one cell.

    Logs a warning for codes that hardly distinguish items.

    Metrics that are reported at the same k, ties and normalise, one after the other, have their rows side by side:
    precision at 100, recall at 100, precision at 250 and so on. A ranking by scores has no distances.

    Parameters
    ----------
    database : the ranking of the database
    unseen : the ranking of the database without training images, for the same queries; ignored if it is empty
    codes : uint8 (n, ceil(bits / 8)), packed codes of the database, for diagnostics
    selection : record of a deep method's model selection, from `l2h.hashing.deep.selection.select`; None without one
    """
    rankings = {False: database, True: unseen}
    inputs = {False: _inputs(database, codes, selection), True: {} if unseen.empty else _inputs(unseen)}
    if "codes" in inputs[False]:
        _warn_of_constant_codes(inputs[False]["codes"])
    blocks: list[dict[At, list[dict[str, Any]]]] = [{}]
    for metric in sorted(metrics.registered().values(), key=lambda metric: get_args(Of).index(metric.of)):
        if metric.of not in inputs[metric.unseen]:
            continue
        values = metric.values(inputs[metric.unseen][metric.of], rankings[metric.unseen].items)
        if not values.keys() <= blocks[-1].keys():
            blocks.append({at: [] for at in values})
        for at, value in values.items():
            blocks[-1][at].append({"metric": metric.name, **at._asdict(), "value": value})
    nothing = np.full(len(database.relevant), np.nan)
    by_query = {
        "average_precision": metrics.average_precision(inputs[False]["ranking"]),
        "average_precision_unseen": nothing if unseen.empty else metrics.average_precision(inputs[True]["ranking"]),
    }
    return Evaluation([row for block in blocks for rows in block.values() for row in rows], by_query)


def _inputs(
    ranking: Ranking, codes: NDArray[np.uint8] | None = None, selection: Mapping[str, Any] | None = None
) -> dict[Of, Any]:
    """The inputs of metrics."""
    inputs: dict[Of, Any] = {"ranking": metrics.shared(ranking)}
    if selection is not None:
        inputs["selection"] = selection
    if isinstance(ranking, RankHistogram):
        inputs["histogram"] = ranking
        if codes is not None:
            inputs["codes"] = Codes(codes, ranking.bits)
    return inputs


def _warn_of_constant_codes(codes: Codes) -> None:
    """Log a warning if many bits hardly vary."""
    constant = near_constant_bits(codes)
    if constant > MANY * codes.bits:
        logging.getLogger("l2h").warning(
            "%d of %d bits have one value for at least %.0f%% of the database: the code hardly distinguishes items; "
            "check the features and the method's parameters, such as lr",
            constant,
            codes.bits,
            100 * NEAR_CONSTANT,
        )
