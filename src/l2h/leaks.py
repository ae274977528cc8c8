"""What flatters results before anything is computed: queries in train or database, by id, bytes or what they show."""

import logging
from pathlib import Path
from typing import Any

import pyarrow as pa

from l2h import near_copies
from l2h.datasets.images import iter_images
from l2h.errors import L2HError
from l2h.ids import find
from l2h.progress import track
from l2h.splits import SEARCHED, Split, check, lone_queries, notes

BATCH = 256

_log = logging.getLogger("l2h")


def look_for(
    split: Split, manifest: pa.Table, images: str | Path, *, allow_lone_queries: bool = False
) -> list[dict[str, Any]]:
    """Refuse a split that leaks, and warn of identical images and of near copies of queries.

    Parameters
    ----------
    manifest : of the data set that was split
    images : its image store
    allow_lone_queries : warn of queries to which nothing in the database is relevant, where they are refused otherwise

    Returns
    -------
    a row a near copy, with the columns of `l2h.store.NEAR_COPIES`

    Raises
    ------
    SplitError
        as `l2h.splits.check`, naming where the images lie
    L2HError
        the split is not one of this data set
    """
    rows, found = find(split.table["id"].to_numpy(), manifest["id"].to_numpy())
    if not found.all() or manifest["image_sha256"].take(pa.array(rows)) != split.table["image_sha256"]:
        raise L2HError(f"split {split.protocol}: it has other images, by id or sha256, than the data set named")
    locations = dict(zip(manifest["id"].to_pylist(), manifest["location"].to_pylist(), strict=True))
    check(split, locations, allow_lone_queries=allow_lone_queries)
    for unseen, where in SEARCHED.items() if allow_lone_queries else ():
        lone = lone_queries(split, unseen=unseen).tolist()
        if lone:
            some = ", ".join(f"{number} ({locations[number]})" for number in lone[:5])
            more = ", ..." if len(lone) > 5 else ""
            _log.warning("%d queries find nothing in the %s and count as 0: %s%s", len(lone), where, some, more)
    for note in notes(split, manifest):
        _log.warning("%s", note)
    batches = iter_images(images, manifest, BATCH)
    progress = track(f"{split.protocol}, near copies", batches, len(manifest), "images", BATCH)
    return near_copies.of_queries(split, progress, locations)
