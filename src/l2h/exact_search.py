"""Exact search among vectors, in float64, because among many float32 scores hundreds would be equal by chance."""

from collections.abc import Callable, Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
SCORES = 2**22  # scores held at a time, 32 MB


def cosine(queries: NDArray, items: NDArray) -> NDArray[np.float64]:
    """Cosines of the angles between vectors (q, d) and (m, d), float64 (q, m); 0 where either is the zero vector."""
    return _unit(queries) @ _unit(items).T


def l2(queries: NDArray, items: NDArray) -> NDArray[np.float64]:
    """Negative squared Euclidean distances, up to a constant for each query; shapes as for `cosine`."""
    q, x = queries.astype(np.float64), items.astype(np.float64)
    return 2 * (q @ x.T) - np.einsum("ij,ij->i", x, x)


DISTANCES: Mapping[str, Callable[[NDArray, NDArray], NDArray[np.float64]]] = {"cosine": cosine, "l2": l2}


def nearest_neighbours(
    distance: str, queries: NDArray, batches: Iterable[tuple[Ints, NDArray]], database: Ints, k: int
) -> Ints:
    """The ids of the k nearest items, int64 (Q, min(k, N)), the nearest first; ties are broken by the smallest id.

    Parameters
    ----------
    distance : one of DISTANCES
    queries : features (Q, d)
    batches : pairs of ids and features, in the order of their ids
    database : ids of the items to search, int64 (N,); batches may contain others
    """
    nearness = DISTANCES[distance]
    best_scores, best_ids = np.empty((len(queries), 0)), np.empty((len(queries), 0), dtype=np.int64)
    for ids, features in batches:
        wanted = np.flatnonzero(np.isin(ids, database))
        parts = -(-len(queries) * len(wanted) // SCORES)
        for part in np.array_split(wanted, parts) if parts else ():
            scores = np.concatenate([best_scores, nearness(queries, features[part])], axis=1)
            items = np.concatenate([best_ids, np.broadcast_to(ids[part], (len(queries), len(part)))], axis=1)
            best = _best(scores, k)
            best_scores, best_ids = (np.take_along_axis(table, best, axis=1) for table in (scores, items))
    return best_ids


def _best(scores: NDArray[np.float64], k: int) -> Ints:
    """The columns of the k highest scores of each row, the highest first; ties are broken by the first column."""
    k = min(k, scores.shape[1])
    least = np.partition(scores, -k, axis=1)[:, -k]
    found = np.empty((len(scores), k), dtype=np.int64)
    for row, (values, bound) in enumerate(zip(scores, least, strict=True)):
        columns = np.flatnonzero(values >= bound)
        found[row] = columns[np.argsort(-values[columns], kind="stable")[:k]]
    return found


def _unit(vectors: NDArray) -> NDArray[np.float64]:
    wide = vectors.astype(np.float64)
    norms = np.linalg.norm(wide, axis=1, keepdims=True)
    return np.divide(wide, norms, out=np.zeros_like(wide), where=norms > 0)
