"""Grey thumbnails, made once for each dataset to find near copies of queries."""

from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from PIL import Image

from l2h.datasets.images import iter_images
from l2h.progress import track
from l2h.store.thumbnails import SIDE, Thumbnails

BATCH = 256


def thumbnail(image: NDArray[np.uint8]) -> Thumbnails:
    """Shrink an image, uint8 (h, w) or (h, w, 3), to a grey thumbnail, uint8 (SIDE, SIDE)."""
    return np.asarray(Image.fromarray(image).convert("L").resize((SIDE, SIDE), Image.Resampling.BILINEAR))


def of_store(folder: str | Path, manifest: pa.Table) -> Thumbnails:
    """The thumbnails, uint8 (n, SIDE, SIDE), of all images of a manifest, from their image store."""
    batches = iter_images(folder, manifest, BATCH)
    progress = track(f"thumbnails of {folder}", batches, len(manifest), "images", BATCH)
    return np.stack([thumbnail(image) for _, images in progress for image in images])
