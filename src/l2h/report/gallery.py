"""The gallery of one setting: some queries, the first results of each method, and the codes.

All of it is for a variant's longest code and first seed. Images are text too (data URIs), for a self-contained page.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from l2h import codes
from l2h.errors import L2HError
from l2h.ids import find
from l2h.metrics.of_codes import correlations
from l2h.report.thumbnails import plot, thumbnail
from l2h.splits import Split

FIRST = 10  # results of a query
LABELS = 10  # number of labels with codes shown, the most frequent
SAMPLE = 16  # images of each label
PAIRS = 5  # near copies shown

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class GalleryEntry:
    """One variant at one code length and seed.

    Attributes
    ----------
    variant, bits, seed : its key
    average_precision : float64 (Q,), of the split's queries in the order of their ids
    figures : the metrics of its codes, by name
    read_codes : returns the packed codes, uint8 (n, ceil(bits / 8)), of ids, int64 (n,)
    """

    variant: str
    bits: int
    seed: int
    average_precision: NDArray[np.float64]
    figures: Mapping[str, float]
    read_codes: Callable[[Ints], NDArray[np.uint8]]


def gallery(
    split: Split,
    cells: Sequence[GalleryEntry],
    near_copies: pa.Table,
    read_images: Callable[[Ints], Sequence[NDArray[np.uint8]]],
    by_hand: Sequence[int] = (),
) -> dict[str, Any]:
    """The gallery of one dataset, protocol and backbone.

    Parameters
    ----------
    cells : at least one
    near_copies : columns of `l2h.store.NEAR_COPIES`
    read_images : returns the images, uint8 (h, w) or (h, w, 3) each, of ids, int64 (n,)
    by_hand : ids of additional queries, from the config key `look`

    Returns
    -------
    "judge": the variant with the highest mAP, which selects the queries; "queries": for each its "id", "why", and
    "answers", one per cell with "hits" (id, distance, relevant) and "last", the group of equal distance of the last
    hit; "labels" and "codes": one per cell with images of codes "by_label", "share" and "correlation" of its bits,
    and "figures", its metrics; "near_copies"; "images": thumbnail and labels by id
    """
    judge = max(cells, key=lambda cell: cell.average_precision.mean())
    chosen = choose(split.ids("query"), judge.average_precision, by_hand)
    labels, sample = sample_of_labels(split)
    asked = np.array(list(chosen))
    found, of_codes = [], []
    for cell in cells:
        packed = cell.read_codes(split.ids("database"))
        found.append(answers(split, cell, asked, packed))
        of_codes.append(images_of_codes(cell, packed, sample))
    pairs = near_copies.select(["query_id", "id", "similarity", "flipped"]).to_pylist()
    shown = pairs[:PAIRS]
    hits = [hit["id"] for cell_answers in found for answer in cell_answers for hit in answer["hits"]]
    ids = np.unique([*chosen, *hits, *(pair[side] for pair in shown for side in ("query_id", "id"))]).astype(np.int64)
    return {
        "judge": judge.variant,
        "queries": [
            {"id": number, "why": why, "answers": list(some)}
            for (number, why), some in zip(chosen.items(), zip(*found, strict=True), strict=True)
        ],
        "labels": labels,
        "codes": of_codes,
        "near_copies": {"queries": len({pair["query_id"] for pair in pairs}), "pairs": len(pairs), "shown": shown},
        "images": {
            str(number): {"image": thumbnail(image), "labels": some}
            for number, image, some in zip(ids.tolist(), read_images(ids), split.label_lists(ids), strict=True)
        },
    }


def choose(ids: Ints, average_precision: NDArray[np.float64], by_hand: Sequence[int]) -> dict[int, str]:
    """Why a query is shown, by id: best, median, worst or chosen. Ties are broken by the smallest id."""
    strange = np.setdiff1d(by_hand, ids).astype(int).tolist()
    if strange:
        raise L2HError(
            f"config key datasets: look names {', '.join(map(str, strange))}, but no query has this id; "
            f"queries are {', '.join(map(str, ids[:5].tolist()))} ..."
        )
    order = ids[np.argsort(-average_precision, kind="stable")].tolist()
    why: dict[int, str] = {}
    places = {"best": order[0], "median": order[len(order) // 2], "worst": order[-1]}
    for word, number in [*places.items(), *(("chosen in the config", number) for number in by_hand)]:
        why[number] = f"{why[number]}, {word}" if number in why else word
    return why


def answers(split: Split, cell: GalleryEntry, asked: Ints, packed: NDArray[np.uint8]) -> list[dict[str, Any]]:
    """The first results of one cell for each query, by distance, then by id; `packed`: the database's codes."""
    database = split.ids("database")
    relevance = split.relevance(asked, database)
    rows, _ = find(asked, split.ids("query"))
    found = []
    for code, right, row in zip(cell.read_codes(asked), map(relevance, range(len(asked))), rows, strict=True):
        first, distance = codes.nearest(code, packed, database, FIRST)
        group = distance == distance[first[-1]]
        found.append(
            {
                "variant": cell.variant,
                "bits": cell.bits,
                "average_precision": float(cell.average_precision[row]),
                "hits": [
                    {"id": int(database[place]), "distance": int(distance[place]), "relevant": bool(right[place])}
                    for place in first
                ],
                "last": {
                    "distance": int(distance[first[-1]]),
                    "shown": int(group[first].sum()),
                    "size": int(group.sum()),
                    "relevant": int(right[group].sum()),
                },
            }
        )
    return found


def sample_of_labels(split: Split) -> tuple[list[int], list[Ints]]:
    """The database's most frequent labels, ascending, and random rows of images with each, from a fixed seed."""
    rows: dict[int, list[int]] = {}
    for row, labels in enumerate(split.label_lists(split.ids("database"))):
        for label in labels:
            rows.setdefault(label, []).append(row)
    kept = sorted(sorted(rows, key=lambda label: (-len(rows[label]), label))[:LABELS])
    rng = np.random.default_rng(0)
    return kept, [np.sort(rng.permutation(rows[label])[:SAMPLE]) for label in kept]


def images_of_codes(cell: GalleryEntry, packed: NDArray[np.uint8], sample: Sequence[Ints]) -> dict[str, Any]:
    """Images of sampled codes, one row per image and one column per bit, and statistics of all bits."""
    bits = codes.unpack(packed, cell.bits)
    return {
        "variant": cell.variant,
        "bits": cell.bits,
        "by_label": [plot(bits[rows]) for rows in sample],
        "share": plot(bits.mean(axis=0, keepdims=True)),
        "correlation": plot(np.nan_to_num(np.abs(correlations(bits)))),
        "figures": dict(cell.figures),
    }
