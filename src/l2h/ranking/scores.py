"""Rank the database of a split by scores: all of it, and the part without training images."""

from collections.abc import Callable, Iterable, Iterator
from hashlib import sha256
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from l2h.errors import L2HError
from l2h.ids import find
from l2h.ranking.relevance import RankedRelevance
from l2h.splits import Split

Ints = NDArray[np.int64]
Batch = tuple[Ints, NDArray]

SCORES = 2**26  # scores held at a time, 512 MB
ITEMS = 1024  # database items scored at a time


class GivesScores(Protocol):
    """A scorer: `l2h.hashing.scorer.Scorer`, or any class with the same `scores`."""

    def scores(self, queries: NDArray, database: NDArray) -> NDArray[np.float64]:
        """Scores float64 (q, m) of items (m, d) for queries (q, d): the greater, the nearer."""


def rank_by_scores(
    scorer: GivesScores, split: Split, queries: NDArray, batches: Callable[[], Iterable[Batch]]
) -> tuple[RankedRelevance, RankedRelevance]:
    """Rankings for the split's queries of the whole database, and of the database without training images.

    Equal scores are tied. Copies of an image, and equal rows of features, get the same score, because a matrix product
    can round equal rows differently depending on their position. So the order of the features does not matter.

    Parameters
    ----------
    queries : features (Q, d) of `split.ids("query")`
    batches : starts to read the features, pairs of ids and features; called several times if memory requires it

    Raises
    ------
    L2HError
        an image of the database has no features, or a score is not finite
    """
    database = split.ids("database")
    seen = np.isin(database, split.ids("train"))
    relevance = split.relevance(split.ids("query"), database)
    first = _first_of_equals(_mark(split.images(database), database, batches()))
    copies = np.flatnonzero(first != np.arange(len(database)))
    parts: list[tuple[RankedRelevance, RankedRelevance]] = []
    for rows in np.array_split(np.arange(len(queries)), max(1, -(-len(queries) * len(database) // SCORES))):
        scores = _score(scorer, queries[rows], database, batches())
        scores[:, copies] = scores[:, first[copies]]
        parts.append(_sort(scores, map(relevance, rows.tolist()), seen))
    whole, unseen = zip(*parts, strict=True)
    return _stack(whole), _stack(unseen)


def _mark(images: Ints, database: Ints, batches: Iterable[Batch]) -> NDArray[np.void]:
    """Digests of the database's features, (N,); copies of an image get the digest of the first copy.

    Parameters
    ----------
    images : int64 (N,), equal for copies of an image
    """
    digests = np.zeros(len(database), "V32")
    for ids, features in _gather(batches, database):
        columns, _ = find(ids, database)
        rows = np.ascontiguousarray(features + 0.0)  # -0 is 0
        digests[columns] = np.frombuffer(b"".join(sha256(row).digest() for row in rows), "V32")
    return digests[_first_of_equals(images)]


def _first_of_equals(values: NDArray) -> Ints:
    """For each value the index of its first occurrence, int64 (N,)."""
    _, first, inverse = np.unique(values, return_index=True, return_inverse=True)
    return first[inverse]


def _score(scorer: GivesScores, queries: NDArray, database: Ints, batches: Iterable[Batch]) -> NDArray[np.float64]:
    """Scores of the whole database, float64 (q, N)."""
    scores = np.full((len(queries), len(database)), np.nan)
    for ids, features in _gather(batches, database):
        columns, _ = find(ids, database)
        scores[:, columns] = scorer.scores(queries, features)
    missing = np.isnan(scores).any(axis=0)
    if missing.any():
        raise L2HError(
            f"{missing.sum()} images of the database have no features, or no finite score, ids "
            f"{database[missing][:5].tolist()} ...; compute the features again"
        )
    return scores


def _gather(batches: Iterable[Batch], database: Ints) -> Iterator[Batch]:
    """The batches' items that belong to the database, at least ITEMS at a time except for the last."""
    held: list[Batch] = []
    for ids, features in batches:
        _, wanted = find(ids, database)
        if wanted.any():
            held.append((ids[wanted], features[wanted]))
        if sum(len(part) for part, _ in held) >= ITEMS:
            yield _join(held)
            held = []
    if held:
        yield _join(held)


def _join(parts: list[Batch]) -> Batch:
    ids, features = zip(*parts, strict=True)
    return np.concatenate(ids), np.concatenate(features)


def _sort(
    scores: NDArray[np.float64], relevance: Iterable[NDArray[np.bool_]], seen: NDArray[np.bool_]
) -> tuple[RankedRelevance, RankedRelevance]:
    """Rank (q, N) scores with one integer sort a query: the high bits are the score, the lowest two are flags."""
    whole, unseen = [], []
    for score, relevant in zip(scores, relevance, strict=True):
        marks = relevant.astype(np.uint64) << np.uint64(1) | seen.astype(np.uint64)
        keys = np.sort(_descending(score) & ~np.uint64(3) | marks)
        whole.append(_bits(keys))
        unseen.append(_bits(keys[keys & np.uint64(1) == 0]))
    return _pack(whole, len(seen)), _pack(unseen, int((~seen).sum()))


def _descending(scores: NDArray[np.float64]) -> NDArray[np.uint64]:
    """Integers in the opposite order of the scores, by the layout of IEEE 754 numbers; -0 counts as 0."""
    bits = (-scores + 0.0).view(np.uint64)
    sign = np.uint64(1 << 63)
    return np.where(bits & sign, ~bits, bits | sign)


def _bits(keys: NDArray[np.uint64]) -> NDArray[np.uint8]:
    """Packed relevance and ties of one sorted ranking, uint8 (2, ceil(N / 8))."""
    tied = np.zeros(len(keys), dtype=bool)
    tied[1:] = keys[1:] >> np.uint64(2) == keys[:-1] >> np.uint64(2)
    relevant = (keys & np.uint64(2)).astype(bool)
    mixed = tied[1:] & (relevant[1:] != relevant[:-1])
    if not mixed.any():  # if all items are relevant, or none, their order does not matter
        tied[:] = False
    return np.packbits(np.stack([relevant, tied]), axis=1, bitorder="little")


def _pack(rankings: list[NDArray[np.uint8]], items: int) -> RankedRelevance:
    both = np.stack(rankings)
    return RankedRelevance(both[:, 0], both[:, 1], items)


def _stack(parts: Iterable[RankedRelevance]) -> RankedRelevance:
    parts = list(parts)
    relevant, tied = (np.concatenate([getattr(part, name) for part in parts]) for name in ("relevant", "tied"))
    return RankedRelevance(relevant, tied, parts[0].items)
