"""Read a data set's images back from its store, batch by batch."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from l2h.errors import L2HError


def iter_images(
    images_path: str | Path, manifest: pa.Table, batch_size: int
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.uint8]]]:
    """Yield ids int64 (m,) and images uint8 (m, h, w) or (m, h, w, 3); the store is memory-mapped, not loaded.

    Raises
    ------
    L2HError
        the store is no image array, or does not belong to the manifest
    """
    try:
        images = np.load(images_path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise L2HError(f"{images_path} is damaged or cut short ({error}); delete it and run again") from error
    if images.dtype != np.uint8 or images.ndim not in (3, 4) or images.shape[3:] not in ((), (3,)):
        raise L2HError(
            f"{images_path} is no image store: uint8 (n, h, w[, 3]) expected, {images.dtype} {images.shape} found"
        )
    if len(images) != len(manifest):
        raise L2HError(
            f"{images_path} holds {len(images)} images, its manifest {len(manifest)}; delete both, run again"
        )
    ids = manifest["id"].to_numpy()
    for start in range(0, len(ids), batch_size):
        rows = slice(start, start + batch_size)
        yield ids[rows], np.array(images[rows])
