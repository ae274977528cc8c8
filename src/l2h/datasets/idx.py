"""Datasets in the IDX format of MNIST: images and labels in four files, training images first."""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from l2h.datasets.base import ArrayDataset
from l2h.datasets.downloads import Download
from l2h.splits import Role

NAMES = ("train-images-idx3-ubyte", "t10k-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-labels-idx1-ubyte")
TRAIN, TEST, SIDE = 60_000, 10_000, 28
IMAGES_HEADER, LABELS_HEADER = 16, 8  # bytes before the values
SIZES = (
    IMAGES_HEADER + TRAIN * SIDE**2,
    IMAGES_HEADER + TEST * SIDE**2,
    LABELS_HEADER + TRAIN,
    LABELS_HEADER + TEST,
)


def idx_files(folder: str, mirrors: Sequence[str], sha256: Sequence[str]) -> tuple[Download, ...]:
    """The four files, in the order of NAMES.

    Parameters
    ----------
    folder : location below a folder of downloads or copies
    mirrors : addresses of the gzipped files
    sha256 : of the content of each file
    """
    return tuple(
        Download(f"{folder}/{name}", size, digest, tuple(f"{mirror}/{name}.gz" for mirror in mirrors))
        for name, size, digest in zip(NAMES, SIZES, sha256, strict=True)
    )


class IdxDataset(ArrayDataset):
    """60,000 training images, then 10,000 test images, 28 x 28 grey pixels; a subclass names its `files`."""

    files: ClassVar[tuple[Download, ...]]

    def load(self) -> tuple[NDArray[np.uint8], Sequence[Sequence[int]]]:
        """Images uint8 (70000, 28, 28), and one label each."""
        headers = (IMAGES_HEADER, IMAGES_HEADER, LABELS_HEADER, LABELS_HEADER)
        train, test, *labels = (
            np.fromfile(self.sources.fetch(file), np.uint8, offset=header)
            for file, header in zip(self.files, headers, strict=True)
        )
        return np.concatenate([train, test]).reshape(-1, SIDE, SIDE), np.concatenate(labels)[:, None].tolist()

    def roles(self) -> Sequence[Sequence[Role]]:
        """The official split: test images are queries, training images are both training set and database."""
        trained: Sequence[Role] = ("train", "database")
        asked: Sequence[Role] = ("query",)
        return [trained] * TRAIN + [asked] * TEST
