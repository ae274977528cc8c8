"""Evaluate codes in arrays: `l2h.evaluate`."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from l2h import codes
from l2h.evaluation.cell import Evaluation
from l2h.evaluation.cell import evaluate as evaluate_rankings
from l2h.ranking import RankHistogram, rank_histogram
from l2h.ranking.by_neighbours import rank_neighbours


def evaluate(
    query_codes: ArrayLike,
    database_codes: ArrayLike,
    query_labels: ArrayLike | None = None,
    database_labels: ArrayLike | None = None,
    *,
    bits: int | None = None,
    neighbours: ArrayLike | None = None,
    trained_on: ArrayLike | None = None,
) -> Evaluation:
    """Rank a database for each query by Hamming distance, and compute every metric, exact under ties.

    Parameters
    ----------
    query_codes, database_codes : (Q, bits) and (N, bits), bool, or numbers of which those above 0 are ones: codes of 0
        and 1, of -1 and 1, or real-valued scores; or packed by `l2h.codes.pack`, uint8 (Q, ceil(bits / 8)), with `bits`
    query_labels, database_labels : both int (n,) classes, or both bool or uint8 (n, c) multi-hot; an item is relevant
        if it shares at least one label with the query
    bits : code length; required only for packed codes
    neighbours : int (Q, r), instead of labels: the rows of the database that are relevant to each query
    trained_on : bool (N,), the items that the method was trained on; `map_unseen` leaves them out

    Returns
    -------
    Evaluation; `value("map")` and `value("map", k=1000)` give one metric, `to_frame()` all of them as a table,
    `by_query` the average precision of each query

    Raises
    ------
    ValueError
        shapes or types do not match; neither labels nor neighbours are given, or both

    Examples
    --------
    >>> import l2h
    >>> query, database = [[1, 1]], [[1, 1], [1, 1], [1, 0], [0, 0]]
    >>> found = l2h.evaluate(query, database, [7], [7, 3, 7, 7])
    >>> round(found.value("map"), 3)  # two items are tied at distance 0: the mean over their orders
    0.722
    """
    length = _length(query_codes, bits)
    queries, database = _packed(query_codes, length, "query_codes"), _packed(database_codes, length, "database_codes")
    if (neighbours is None) == (query_labels is None or database_labels is None):
        raise ValueError("give query_labels and database_labels, or neighbours instead")
    seen = np.zeros(len(database), dtype=bool) if trained_on is None else np.asarray(trained_on)
    if seen.shape != (len(database),) or seen.dtype != bool:
        raise ValueError(f"trained_on is bool ({len(database)},), got {seen.dtype} {seen.shape}")

    def rank(rows: NDArray[np.bool_]) -> RankHistogram:
        if neighbours is not None:
            return _of_neighbours(queries, database, np.asarray(neighbours), rows, length)
        assert query_labels is not None  # checked above
        return rank_histogram(queries, database[rows], query_labels, np.asarray(database_labels)[rows], bits=length)

    unseen = rank(~seen)
    whole = unseen + rank(seen) if seen.any() else unseen
    nothing = RankHistogram(0 * unseen.total, 0 * unseen.relevant)
    return evaluate_rankings(whole, unseen if seen.any() else nothing, database)


def _length(array: ArrayLike, bits: int | None) -> int:
    """The code length."""
    if bits is not None:
        return bits
    given: NDArray[Any] = np.asarray(array)
    if given.dtype == np.uint8 and (given > 1).any():
        raise ValueError("codes of uint8 with values above 1 are packed: give their length as bits")
    return given.shape[-1]


def _packed(array: ArrayLike, bits: int, name: str) -> NDArray[np.uint8]:
    given: NDArray[Any] = np.asarray(array)
    if given.ndim == 2 and given.dtype == np.uint8 and given.shape[1] == codes.n_bytes(bits) != bits:
        return given & codes.pack(np.ones((1, bits), dtype=bool))  # clear padding bits
    if given.ndim != 2 or given.dtype.kind not in "biuf" or given.shape[1] != bits:
        raise ValueError(
            f"{name} is (n, {bits}), or packed uint8 (n, {codes.n_bytes(bits)}), got {given.dtype} {given.shape}"
        )
    if given.dtype.kind == "f" and not np.isfinite(given).all():
        raise ValueError(f"{name} has values that are not numbers")
    return codes.pack(given > 0)


def _of_neighbours(
    queries: NDArray[np.uint8],
    database: NDArray[np.uint8],
    neighbours: NDArray[Any],
    rows: NDArray[np.bool_],
    bits: int,
) -> RankHistogram:
    """The rank histogram of some rows of the database, with the listed rows relevant to each query."""
    if neighbours.ndim != 2 or len(neighbours) != len(queries) or neighbours.dtype.kind not in "iu":
        raise ValueError(f"neighbours is int ({len(queries)}, r), got {neighbours.dtype} {neighbours.shape}")
    if neighbours.size and not 0 <= neighbours.min() <= neighbours.max() < len(database):
        raise ValueError(f"neighbours are rows of the database, 0 to {len(database) - 1}")
    if any(len(np.unique(one)) < len(one) for one in neighbours):
        raise ValueError("a row of neighbours names an item twice")
    places = np.cumsum(rows) - 1  # index among the searched rows
    own = [places[some[rows[some]]] for some in neighbours]
    return rank_neighbours(queries, database[rows], own, bits=bits)
