"""Scores under common evaluation bugs, on a run's own codes, beside the correct score.

The bugs are those of widely copied evaluation code, which sorts the whole database for each query.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from l2h import codes
from l2h.ids import find
from l2h.metrics import average_precision
from l2h.ranking.by_neighbours import rank_neighbours
from l2h.splits import Split
from l2h.store.tables import Batch

if TYPE_CHECKING:
    from l2h.hashing.base import Hasher

QUERIES = 200  # each needs a sort; enough to show an error, and the correct score uses the same ones


def sorted_map(distance: NDArray, relevant: NDArray[np.bool_], order: NDArray[np.int64] | None = None) -> float:
    """Mean average precision of one sort by distance, float (Q, N); ties stay in the database's order.

    order : int64 (N,), another order of the database
    """
    if order is not None:
        distance, relevant = distance[:, order], relevant[:, order]
    found = np.take_along_axis(relevant, np.argsort(distance, axis=1, kind="stable"), axis=1)
    precision = found.cumsum(axis=1) / np.arange(1, found.shape[1] + 1)
    total = np.maximum(found.sum(axis=1), 1)
    return float(((precision * found).sum(axis=1) / total).mean())


def audit_models(models: Sequence["Hasher"], batches: Iterable[Batch], split: Split) -> list[list[dict[str, Any]]]:
    """Audit several models in one pass over the features.

    Parameters
    ----------
    models : fitted hashers
    batches : pairs of ids, int64 (m,), and features, float (m, d)
    split : gives the database and the queries, of which at most QUERIES are used, evenly chosen

    Returns
    -------
    each model's rows of `audit`, with the number of queries
    """
    parts = [(ids, [model.decision_function(features) for model in models]) for ids, features in batches]
    known = np.concatenate([ids for ids, _ in parts])
    queries = split.ids("query")
    chosen = queries[np.linspace(0, len(queries) - 1, min(QUERIES, len(queries))).astype(int)], split.ids("database")
    rows = [find(ids, known)[0] for ids in chosen]
    relevance, labels = split.relevance(*chosen), split.targets(chosen[1])
    relevant = np.stack([relevance(place) for place in range(len(chosen[0]))])
    classes = labels.argmax(axis=1) if labels is not None and labels.ndim == 2 else labels
    results = []
    for number in range(len(models)):
        scores = np.concatenate([some[number] for _, some in parts])
        figures = audit(scores[rows[0]], scores[rows[1]], relevant, classes)
        results.append([{**figure, "queries": len(chosen[0])} for figure in figures])
    return results


def audit(
    query_scores: NDArray, database_scores: NDArray, relevant: NDArray[np.bool_], classes: NDArray | None = None
) -> list[dict[str, Any]]:
    """The correct score of one model, and the scores under each bug.

    Parameters
    ----------
    query_scores, database_scores : float (Q, bits), (N, bits), real-valued scores whose signs are the codes
    relevant : bool (Q, N), which items are relevant to which query
    classes : int (N,), to sort the database by class; None if it has no classes

    Returns
    -------
    one dict each of mistake, printed (its mAP) and right (the expected mAP of the same queries)
    """
    bits = query_scores.shape[1]
    query, database = query_scores > 0, database_scores > 0
    packed = codes.pack(query), codes.pack(database)
    h = rank_neighbours(*packed, [np.flatnonzero(one) for one in relevant], bits=bits)
    right = float(average_precision(h).mean())
    signs = [np.where(side, 1, -1).astype(np.float32) for side in (query, database)]
    hamming = (bits - signs[0] @ signs[1].T) / 2
    by_class = None if classes is None else np.argsort(classes, kind="stable")
    printed = {
        "0.5 * (bits - a.b) of 0/1 codes, which is no Hamming distance": sorted_map(
            -(query.astype(np.float32) @ database.T.astype(np.float32)), relevant
        ),
    }
    if by_class is not None:
        printed |= {
            "one sort, the database in the order of its classes": sorted_map(hamming, relevant, by_class),
            "the same, in the opposite order": sorted_map(hamming, relevant, by_class[::-1]),
        }
    real_valued = sorted_map(-(query_scores @ database_scores.T), relevant)
    printed["real-valued outputs in place of their signs"] = real_valued
    return [{"mistake": name, "printed": value, "right": right} for name, value in printed.items()]
