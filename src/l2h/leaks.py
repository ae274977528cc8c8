"""What flatters results before anything is computed: queries in train or database, by id, bytes or what they show."""

from pathlib import Path
from typing import Any

import pyarrow as pa

from l2h import near_copies
from l2h.datasets.images import iter_images
from l2h.errors import L2HError
from l2h.ids import find
from l2h.progress import track
from l2h.splits import Split, check

BATCH = 256


def look_for(split: Split, manifest: pa.Table, images: str | Path) -> list[dict[str, Any]]:
    """Refuse a split that leaks, and warn of pictures in train and database that show what a query shows.

    Parameters
    ----------
    manifest : of the data set that was split
    images : its image store

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
    check(split, locations)
    batches = iter_images(images, manifest, BATCH)
    progress = track(f"{split.protocol}, near copies", batches, len(manifest), "images", BATCH)
    return near_copies.of_queries(split, progress, locations)
