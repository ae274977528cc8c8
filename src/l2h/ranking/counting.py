"""Count rank histograms: XOR, popcount, one bincount a query. No sort, no score matrix."""

import hashlib

import numpy as np
from numpy.typing import ArrayLike, NDArray

from l2h import codes
from l2h.ranking.histogram import RankHistogram


def rank_histogram(
    query_codes: ArrayLike,
    database_codes: ArrayLike,
    query_labels: ArrayLike,
    database_labels: ArrayLike,
    *,
    bits: int,
) -> RankHistogram:
    """Rank the database for each query by Hamming distance, exactly.

    Parameters
    ----------
    query_codes : uint8 (Q, ceil(bits / 8)), packed by `l2h.codes.pack`; padding bits are ignored
    database_codes : uint8 (N, ceil(bits / 8))
    query_labels, database_labels : both int (n,) classes, or both bool/uint8 (n, c) multi-hot;
        an item is relevant when it shares at least one label with the query
    bits : code length

    Returns
    -------
    RankHistogram, whose tables have the shape (Q, bits + 1); memory is O(N + Q * bits)

    Raises
    ------
    ValueError
        shapes or dtypes that do not fit each other
    """
    if bits < 1:
        raise ValueError(f"bits is at least 1, got {bits}")
    query_words = _words(_clear_padding(codes.check(query_codes, bits), bits))
    database_words = _words(_clear_padding(codes.check(database_codes, bits), bits))
    query_marks, database_marks = _marks(np.asarray(query_labels), np.asarray(database_labels))
    for side, words, marks in (("query", query_words, query_marks), ("database", database_words, database_marks)):
        if len(words) != len(marks):
            raise ValueError(f"{len(words)} {side} codes but {len(marks)} {side} labels")

    multi_label = query_marks.ndim == 2
    tables = np.empty((len(query_words), 2, bits + 1), dtype=np.int64)
    for query, (word, mark) in enumerate(zip(query_words, query_marks, strict=True)):
        distance = np.bitwise_count(database_words ^ word).sum(axis=1, dtype=np.intp)
        relevant = (database_marks & mark).any(axis=1) if multi_label else database_marks == mark
        distance += (bits + 1) * relevant
        tables[query] = np.bincount(distance, minlength=2 * (bits + 1)).reshape(2, bits + 1)
    return RankHistogram(tables.sum(axis=1), tables[:, 1].copy(), _digest(query_words, query_marks, bits))


def _clear_padding(packed: NDArray[np.uint8], bits: int) -> NDArray[np.uint8]:
    if bits % 8 == 0:
        return packed
    cleared = packed.copy()
    cleared[:, -1] &= (1 << bits % 8) - 1
    return cleared


def _words(packed: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Bytes (n, k) as 64-bit words (n, ceil(k / 8)), zero-padded."""
    padded = np.zeros((len(packed), -(-packed.shape[1] // 8) * 8), dtype=np.uint8)
    padded[:, : packed.shape[1]] = packed
    return padded.view(np.uint64)


def _marks(query: NDArray, database: NDArray) -> tuple[NDArray, NDArray]:
    """Labels as int64 (n,) classes, or as uint64 (n, words) label sets whose AND shows a shared label."""
    if query.ndim == database.ndim == 1:
        if not all(np.issubdtype(side.dtype, np.integer) for side in (query, database)):
            raise ValueError(f"class labels are integers, got {query.dtype} and {database.dtype}")
        return query.astype(np.int64), database.astype(np.int64)
    if query.ndim == database.ndim == 2 and query.shape[1] == database.shape[1]:
        return _words(codes.pack(query)), _words(codes.pack(database))
    raise ValueError(
        "labels are int (n,) classes, or bool (n, c) multi-hot of one width, on both sides alike; "
        f"got {query.shape} for the queries and {database.shape} for the database"
    )


def _digest(words: NDArray[np.uint64], marks: NDArray, bits: int) -> str:
    digest = hashlib.sha256(f"{bits} {marks.ndim}".encode())
    digest.update(words.tobytes())
    digest.update(marks.tobytes())
    return digest.hexdigest()
