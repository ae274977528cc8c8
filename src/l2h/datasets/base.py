"""What every data set does: deliver images and labels, and name its protocols."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from l2h import store
from l2h.splits import Protocol


class Dataset(ABC):
    """A set of labelled images.

    Attributes
    ----------
    protocols : how its images may be dealt out, by protocol id; the first is the default
    """

    protocols: ClassVar[Mapping[str, Protocol]]

    @abstractmethod
    def load(self) -> tuple[NDArray[np.uint8], Sequence[Sequence[int]]]:
        """Return the images, uint8 (n, height, width) grey or (n, height, width, 3) RGB, and each one's labels."""

    def prepare(self, images_path: Path, manifest_path: Path) -> None:
        """Write the image store, a .npy array, and the manifest; ids are row numbers."""
        images, labels = self.load()
        with store.atomic(images_path) as part, part.open("wb") as file:
            np.save(file, images)
        table = pa.table(
            {
                "id": np.arange(len(images)),
                "image_sha256": pa.array([hashlib.sha256(image.tobytes()).digest() for image in images], pa.binary(32)),
                "labels": pa.array([list(some) for some in labels], pa.list_(pa.int16())),
                "location": [f"{images_path.name}[{row}]" for row in range(len(images))],
            }
        )
        store.write_manifest(manifest_path, table)
