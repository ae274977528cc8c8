"""The figures that every cell of the comparison reports, and what each of their names means."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from l2h import metrics
from l2h.evaluation.diagnostics import diagnose, warn_of_constant_codes
from l2h.metrics import Normalise, Ranking, Ties
from l2h.ranking import RankHistogram

DEPTHS = (100, 250, 500, 1000, 2500, 5000)
RADIUS = 2


@dataclass(frozen=True)
class Metric:
    """What a name in `metrics.parquet` means.

    Attributes
    ----------
    axis : text for an axis or a column's head
    better : "higher", "lower" or "" where neither is
    formula : in words and symbols
    source : where it was defined, "" where it goes without saying
    """

    axis: str
    better: str
    formula: str
    source: str = ""


TIES = "McSherry & Najork, ECIR 2008"
METRICS = {
    "map": Metric(
        "mAP",
        "higher",
        "mean over queries of AP@k = (sum of precision@i at each relevant place i <= k) / d; d: relevant items among "
        "the first k (retrieved) or min(k, all relevant items) (relevant); expected over the orders of tied items; "
        "empty where the database has fewer than k items",
        f"{TIES}; retrieved as in HashNet, ICCV 2017",
    ),
    "map_unseen": Metric("mAP, unseen images", "higher", "mAP over the database without the training images"),
    "precision": Metric(
        "precision@k",
        "higher",
        "relevant items among the first k / k, expected under ties; empty where the database has fewer than k items",
        TIES,
    ),
    "recall": Metric(
        "recall@k",
        "higher",
        "relevant items among the first k / all relevant items, expected under ties; empty where the database has "
        "fewer than k items",
        TIES,
    ),
    "precision_in_radius": Metric(
        "precision, Hamming radius 2",
        "higher",
        "relevant items at distance <= k / items at distance <= k, 0 where there are none; k is the radius",
        "Salakhutdinov & Hinton, Semantic Hashing, 2009",
    ),
    "empty_in_radius": Metric(
        "empty lookups, Hamming radius 2", "lower", "share of queries without any item at distance <= k, the radius"
    ),
    "tied_pairs": Metric("tied pairs", "lower", "probability that two items of the database lie at one distance"),
    "precision_at_distance": Metric(
        "precision", "higher", "relevant items / items, at distance <= k, 0 where there are none, mean over queries"
    ),
    "recall_at_distance": Metric(
        "recall", "higher", "relevant items at distance <= k / all relevant items, mean over queries"
    ),
    "bit_imbalance": Metric("bit imbalance", "lower", "mean over bits of |share of ones - 1/2|, over the database"),
    "bit_entropy": Metric("entropy of a bit", "higher", "mean over bits of their entropy, at most 1 bit"),
    "bit_correlation": Metric(
        "correlation between bits", "lower", "mean over pairs of bits that vary of |Pearson's r|"
    ),
    "code_entropy": Metric("entropy of the codes", "higher", "entropy in bits of the distribution over distinct codes"),
    "distinct_codes": Metric("distinct codes", "higher", "how many different codes the database has"),
    "near_constant_bits": Metric(
        "near-constant bits", "lower", "how many bits have one value for at least 99% of the database"
    ),
    "lone_queries": Metric(
        "queries that find nothing", "lower", "how many queries share no label with any item; each counts as 0"
    ),
    "lone_queries_unseen": Metric(
        "queries that find nothing, unseen images", "lower", "the same for the database without the training images"
    ),
    "nothing_chosen": Metric(
        "trainings without a choice",
        "lower",
        "share of the trainings that should choose learning rate and epoch on validation images, and could not",
    ),
}


class Evaluation(NamedTuple):
    """Scores of one cell.

    Attributes
    ----------
    figures : one dict each: metric (a name in METRICS), k, ties, normalise, value
    by_query : average precision of each query, float64 (Q,): `average_precision` over the database, and
        `average_precision_unseen` over its unseen part, NaN if that is empty
    """

    figures: list[dict[str, Any]]
    by_query: dict[str, NDArray[np.float64]]


def evaluate(
    database: Ranking,
    unseen: Ranking,
    codes: NDArray[np.uint8] | None = None,
    selection: Mapping[str, Any] | None = None,
) -> Evaluation:
    """Compute all figures of one cell.

    Codes that hardly tell images apart are logged as a warning, whatever made them.

    For "map", k None is the whole ranking, where both normalisations are one; for what is named after a distance or a
    radius, k is that. Figures of the first k items are None where the database has fewer. A ranking by scores has no
    distances.

    Parameters
    ----------
    database : the ranking of the database
    unseen : that of the database without training images, for the same queries; "map_unseen" is left out if it is empty
    codes : uint8 (n, ceil(bits / 8)), packed, the database's, to diagnose
    selection : the record of a deep method's choice, as of `l2h.hashing.deep.selection.select`; None if there was none
    """
    figures = []

    def add(
        metric: str, value: Any, k: int | None = None, ties: Ties | None = None, by: Normalise | None = None
    ) -> None:
        value = None if value is None else float(value)
        figures.append({"metric": metric, "k": k, "ties": ties, "normalise": by, "value": value})

    shared, shared_unseen = (metrics.shared(ranking) for ranking in (database, unseen))
    items = database.items
    orders = get_args(Ties)
    over_all = {ties: metrics.average_precision(shared, None, ties) for ties in orders}
    over_unseen = {ties: metrics.average_precision(shared_unseen, None, ties) for ties in orders if not unseen.empty}

    def mean_of_first(k: int, metric: Callable[..., NDArray], *how: str) -> float | None:
        return metric(shared, k, *how).mean() if k <= items else None

    for ties in orders:
        add("map", over_all[ties].mean(), None, ties, "relevant")
        if ties in over_unseen:
            add("map_unseen", over_unseen[ties].mean(), None, ties, "relevant")
        for k in DEPTHS:
            for by in get_args(Normalise):
                add("map", mean_of_first(k, metrics.average_precision, ties, by), k, ties, by)
    for k in DEPTHS:
        add("precision", mean_of_first(k, metrics.precision_at_k), k, "expected")
        add("recall", mean_of_first(k, metrics.recall_at_k), k, "expected")
    add("lone_queries", (~database.relevant.any(axis=1)).sum())
    if not unseen.empty:
        add("lone_queries_unseen", (~unseen.relevant.any(axis=1)).sum())
    if selection is not None:
        add("nothing_chosen", selection["criterion"] is None)
    if isinstance(database, RankHistogram):
        add("precision_in_radius", metrics.precision_within_radius(database, RADIUS).mean(), RADIUS)
        add("empty_in_radius", metrics.is_empty_within_radius(database, RADIUS).mean(), RADIUS)
        add("tied_pairs", metrics.tied_pairs(database).mean())
        precision, recall = metrics.precision_recall_curve(database).mean(axis=1)
        for distance in range(database.bits + 1):
            add("precision_at_distance", precision[distance], distance)
            add("recall_at_distance", recall[distance], distance)
        if codes is not None:
            found = diagnose(codes, database.bits)
            warn_of_constant_codes(found, database.bits)
            for name, value in found.items():
                add(name, value)
    nothing = np.full(len(database.relevant), np.nan)
    by_query = {
        "average_precision": over_all["expected"],
        "average_precision_unseen": over_unseen.get("expected", nothing),
    }
    return Evaluation(figures, by_query)
