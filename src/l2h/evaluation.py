"""The figures that every cell of the comparison reports: means over its queries."""

from typing import Any, get_args

from l2h import metrics
from l2h.metrics import Normalise, Ranking, Ties
from l2h.ranking import RankHistogram

DEPTHS = (100, 250, 500, 1000, 2500, 5000)


def evaluate(database: Ranking, unseen: Ranking) -> list[dict[str, Any]]:
    """All figures of one cell, one dict each: metric, k, ties, normalise, value.

    "map" and "map_unseen" are mean average precision against the database, and against the database without training
    images (left out where nothing remains of it); k None is the whole ranking, where both normalisations are one.
    "precision_at_distance" and "recall_at_distance" are the points of the precision-recall curve, k the distance;
    a ranking by scores has no distances.
    """
    figures = []

    def add(metric: str, value: float, k: int | None, ties: Ties | None = None, by: Normalise | None = None) -> None:
        figures.append({"metric": metric, "k": k, "ties": ties, "normalise": by, "value": float(value)})

    for ties in get_args(Ties):
        add("map", metrics.average_precision(database, None, ties).mean(), None, ties, "relevant")
        if not unseen.empty:
            add("map_unseen", metrics.average_precision(unseen, None, ties).mean(), None, ties, "relevant")
        for k in DEPTHS:
            for by in get_args(Normalise):
                add("map", metrics.average_precision(database, k, ties, by).mean(), k, ties, by)
    if isinstance(database, RankHistogram):
        precision, recall = metrics.precision_recall_curve(database).mean(axis=1)
        for distance in range(database.bits + 1):
            add("precision_at_distance", precision[distance], distance)
            add("recall_at_distance", recall[distance], distance)
    return figures
