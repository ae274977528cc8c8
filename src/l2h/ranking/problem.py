"""The input of a rank histogram: checked codes and labels, in the layout that all backends use."""

import hashlib
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from l2h import codes

Words = NDArray[np.uint64]
Ints = NDArray[np.int64]


class Problem(NamedTuple):
    """Codes and labels to count, in a fast layout; padding bits are cleared.

    Attributes
    ----------
    query_words : uint64 (Q, words), codes
    query_sets : uint64 (Q, set words), label sets; (Q, 0) if classes are ranges
    first, last : int64 (Q,); items first..last - 1 are relevant, besides those that share a label
    words, sets : uint64 (words, N) and (set words, N), the database, a column an item
    bits : code length
    """

    query_words: Words
    query_sets: Words
    first: Ints
    last: Ints
    words: Words
    sets: Words
    bits: int


def lay_out(
    query_codes: ArrayLike, database_codes: ArrayLike, query_labels: ArrayLike, database_labels: ArrayLike, bits: int
) -> tuple[Problem, str]:
    """The checked arguments of `rank_histogram` as a problem, and the digest of its queries."""
    if bits < 1:
        raise ValueError(f"bits is at least 1, got {bits}")
    query_words = code_words(query_codes, bits)
    database_words = code_words(database_codes, bits)
    query_marks, database_marks = _marks(np.asarray(query_labels), np.asarray(database_labels))
    for side, words, marks in (("query", query_words, query_marks), ("database", database_words, database_marks)):
        if len(words) != len(marks):
            raise ValueError(f"{len(words)} {side} codes but {len(marks)} {side} labels")

    queries = _digest(query_words, query_marks, bits)
    if query_marks.ndim == 1:
        order, first, last = _group(query_marks, database_marks)
        database_words = database_words[order]
        query_sets, database_sets = np.empty((len(query_words), 0), np.uint64), np.empty((len(order), 0), np.uint64)
    else:
        query_sets, database_sets = query_marks, database_marks
        first = last = np.zeros(len(query_words), dtype=np.int64)
    words, sets = (np.ascontiguousarray(table.T) for table in (database_words, database_sets))
    return Problem(query_words, query_sets, first, last, words, sets, bits), queries


def code_words(packed: ArrayLike, bits: int) -> Words:
    """Packed codes (n, ceil(bits / 8)) as 64-bit words, uint64 (n, words), with padding bits cleared."""
    return _words(_clear_padding(codes.check(packed, bits), bits))


def _group(query_classes: Ints, database_classes: Ints) -> tuple[Ints, Ints, Ints]:
    """An order in which each class of the database is contiguous, and the range of each query's class.

    Then no label is compared while pairs are counted.
    """
    # numpy sorts 16-bit integers ten times as fast as 64-bit ones
    narrow = database_classes.astype(np.int16)
    order = np.argsort(narrow if (narrow == database_classes).all() else database_classes, kind="stable")
    ordered = database_classes[order]
    return order, np.searchsorted(ordered, query_classes, "left"), np.searchsorted(ordered, query_classes, "right")


def _clear_padding(packed: NDArray[np.uint8], bits: int) -> NDArray[np.uint8]:
    if bits % 8 == 0:
        return packed
    cleared = packed.copy()
    cleared[:, -1] &= (1 << bits % 8) - 1
    return cleared


def _words(packed: NDArray[np.uint8]) -> Words:
    """Bytes (n, k) as 64-bit words (n, ceil(k / 8)), zero-padded; not copied if they are complete words already."""
    missing = -packed.shape[1] % 8
    if missing:
        packed = np.pad(packed, ((0, 0), (0, missing)))
    return np.require(np.ascontiguousarray(packed).view(np.uint64), requirements="A")


def _marks(query: NDArray, database: NDArray) -> tuple[NDArray, NDArray]:
    """Labels as int64 (n,) classes, or as uint64 (n, words) label sets whose AND shows a shared label."""
    if query.ndim == database.ndim == 1:
        if not all(np.issubdtype(side.dtype, np.integer) for side in (query, database)):
            raise ValueError(f"class labels are integers, got {query.dtype} and {database.dtype}")
        return query.astype(np.int64, copy=False), database.astype(np.int64, copy=False)
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
