"""MNIST: 70,000 handwritten digits (LeCun, Bottou, Bengio and Haffner, 1998)."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from l2h.datasets.base import ArrayDataset
from l2h.datasets.downloads import Download
from l2h.splits import Protocol

MIRRORS = ("https://ossci-datasets.s3.amazonaws.com/mnist", "https://storage.googleapis.com/cvdf-datasets/mnist")
IMAGES_HEADER, LABELS_HEADER = 16, 8  # bytes before the values in an IDX file of three, and of one, dimensions


def _file(name: str, size: int, sha256: str) -> Download:
    return Download(f"MNIST/raw/{name}", size, sha256, tuple(f"{mirror}/{name}.gz" for mirror in MIRRORS))


class Mnist(ArrayDataset):
    """The 60,000 training images, then the 10,000 test images, 28 x 28 grey pixels."""

    protocols = {"mnist-1k": Protocol(query=100, train=500, per_class=True)}
    licence = "CC BY-SA 3.0 (Y. LeCun and C. Cortes) by https://keras.io/api/datasets/mnist; their own page states none"
    flips = False
    images = (
        _file(
            "train-images-idx3-ubyte", 47_040_016, "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"
        ),
        _file("t10k-images-idx3-ubyte", 7_840_016, "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"),
    )
    labels = (
        _file("train-labels-idx1-ubyte", 60_008, "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"),
        _file("t10k-labels-idx1-ubyte", 10_008, "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"),
    )

    def load(self) -> tuple[NDArray[np.uint8], Sequence[Sequence[int]]]:
        """Images uint8 (70000, 28, 28), and one label each."""
        images, labels = (
            np.concatenate([np.fromfile(self.sources.fetch(file), np.uint8, offset=header) for file in files])
            for files, header in ((self.images, IMAGES_HEADER), (self.labels, LABELS_HEADER))
        )
        return images.reshape(-1, 28, 28), labels[:, None].tolist()
