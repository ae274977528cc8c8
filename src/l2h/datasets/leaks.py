"""Find copies and near copies of queries in the training set and the database, which inflate results.

A copy has a query's id or bytes, and a split with copies is refused. A near copy is the same image, but encoded again,
enlarged, mirrored or converted to grey, so its bytes differ; near copies give a warning.

To find near copies, each image is reduced to a grey thumbnail, and the thumbnail to the low frequencies of its cosine
transform. The signs of the lowest frequencies are a perceptual hash: images with similar hashes are candidates, which
are confirmed by comparing their frequencies. Photographs of different things stay far below SIMILARITY; very simple
drawings, such as digits, can come close to it by chance.

Shifted, cropped and rotated copies are not found, and copies of half the size only if that leaves more pixels than a
thumbnail has. `benchmarks/near_copies.py` measures how many of each kind are found.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from l2h.errors import L2HError
from l2h.ids import find
from l2h.splits import SEARCHED, Split, check, lone_queries, notes
from l2h.store.thumbnails import SIDE, Thumbnails

KEPT = 12  # frequencies in each direction
HASHED = 8
RADIUS = 10  # of the 63 bits of a hash; copies differ in fewer
SIMILARITY = 0.995  # cosine of the frequencies; nearly every JPEG copy of quality 50 has more
FLAT = 2.0  # standard deviation in grey levels below which an image has nothing to compare
MATCHES = 10  # maximum number kept for a query, the most similar first

_log = logging.getLogger("l2h")


def require_none(split: Split, manifest: pa.Table, *, allow_lone_queries: bool = False) -> None:
    """Refuse a split with copies of queries, and warn of identical images.

    Parameters
    ----------
    manifest : of the dataset that was split
    allow_lone_queries : warn of queries without a relevant item in the database instead of refusing them

    Raises
    ------
    SplitError
        as `l2h.splits.check`, with the locations of the images
    L2HError
        the split does not belong to this dataset
    """
    rows, found = find(split.table["id"].to_numpy(), manifest["id"].to_numpy())
    if not found.all() or manifest["image_sha256"].take(pa.array(rows)) != split.table["image_sha256"]:
        raise L2HError(f"split {split.protocol}: its ids or sha256 do not match the dataset")
    locations = dict(zip(manifest["id"].to_pylist(), manifest["location"].to_pylist(), strict=True))
    check(split, locations, allow_lone_queries=allow_lone_queries)
    for unseen, where in SEARCHED.items() if allow_lone_queries else ():
        lone = lone_queries(split, unseen=unseen).tolist()
        if lone:
            some = ", ".join(f"{number} ({locations[number]})" for number in lone[:5])
            more = ", ..." if len(lone) > 5 else ""
            _log.warning("%d queries have no relevant item in the %s and score 0: %s%s", len(lone), where, some, more)
    for note in notes(split, manifest):
        _log.warning("%s", note)


@dataclass(frozen=True)
class Match:
    """A pair: rows of the query and of the other image, their similarity, and whether one is mirrored."""

    query: int
    other: int
    similarity: float
    flipped: bool


def warn_of_near_copies(split: Split, manifest: pa.Table, thumbnails: Thumbnails) -> list[dict[str, Any]]:
    """Warn of near copies of queries in train and database.

    Parameters
    ----------
    manifest : of the dataset that was split
    thumbnails : uint8 (n, SIDE, SIDE), of its images

    Returns
    -------
    one row a pair, with the columns of `l2h.store.results.NEAR_COPIES`
    """
    sides = split.ids("query"), np.union1d(split.ids("train"), split.ids("database"))
    places = [find(side, manifest["id"].to_numpy())[0] for side in sides]
    rows = []
    for matches in near_copies(*(thumbnails[some] for some in places)):
        for match in matches:
            query, other = (
                {name: manifest[name][int(some[row])].as_py() for name in ("id", "location")}
                for some, row in zip(places, (match.query, match.other), strict=True)
            )
            where = {"query_location": query["location"], "location": other["location"]}
            ids = {"query_id": query["id"], "id": other["id"]}
            rows.append({**ids, **where, "similarity": match.similarity, "flipped": match.flipped})
    if rows:
        first = ", ".join(
            f"query {row['query_id']} ({row['query_location']}) and {row['id']} ({row['location']})" for row in rows[:5]
        )
        _log.warning(
            "%d queries have near copies in train or database, which inflates the results: %s%s",
            len({row["query_id"] for row in rows}),
            first,
            ", ..." if len(rows) > 5 else "",
        )
    return rows


def near_copies(queries: Thumbnails, others: Thumbnails) -> Iterator[list[Match]]:
    """Yield each query's matches, the most similar first.

    Parameters
    ----------
    queries, others : uint8 (Q, SIDE, SIDE) and (n, SIDE, SIDE)
    """
    known, known_hashes = _describe(others)
    asked = [(flipped, *_describe(some)) for flipped, some in ((False, queries), (True, queries[:, :, ::-1]))]
    for row in range(len(queries)):
        matches = []
        for flipped, described, hashes in asked:
            candidates = np.flatnonzero(np.bitwise_count(known_hashes ^ hashes[row]) <= RADIUS)
            similarity = known[candidates] @ described[row]
            matches += [
                Match(row, int(candidates[place]), float(similarity[place]), flipped)
                for place in np.flatnonzero(similarity >= SIMILARITY)
            ]
        yield sorted(matches, key=lambda match: -match.similarity)[:MATCHES]


def _describe(thumbnails: Thumbnails) -> tuple[NDArray[np.float32], NDArray[np.uint64]]:
    """Frequencies scaled to length 1, float32 (n, KEPT^2), all 0 for a flat image; and hashes, uint64 (n,)."""
    place = (2 * np.arange(SIDE) + 1) / (2 * SIDE)
    cosines = np.cos(np.pi * np.arange(KEPT)[:, None] * place)
    cosines[0] /= np.sqrt(2)
    frequencies = (cosines @ thumbnails.astype(np.float32) @ cosines.T).astype(np.float32)
    frequencies[:, 0, 0] = 0  # brightness
    low = frequencies[:, :HASHED, :HASHED].reshape(-1, HASHED**2)
    hashes = np.packbits(low > np.median(low, axis=1, keepdims=True), axis=1).view(np.uint64)[:, 0]
    flat = thumbnails.std(axis=(1, 2)) < FLAT
    vectors = frequencies.reshape(-1, KEPT**2)
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), np.finfo(np.float32).tiny)
    vectors[flat] = 0
    return vectors, hashes
