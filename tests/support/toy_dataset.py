"""A dataset from outside the package: 60 images of two classes, bright on the left or on the right."""

import numpy as np

from l2h import datasets
from l2h.splits import Protocol


@datasets.register("toy")
class Toy(datasets.ArrayDataset):
    """Noise, and a bright half.

    Parameters
    ----------
    images : how many there are, half of each class
    """

    protocols = {"toy-10": Protocol(query=5, train=10, per_class=True)}
    classes = ("left", "right")
    flips = False
    licence = "none, it is random"

    def __init__(self, sources, images=60):
        super().__init__(sources)
        self.images = images

    def load(self):
        """uint8 (images, 16, 16), and a label each."""
        images = np.random.default_rng(0).integers(0, 128, (self.images, 16, 16), dtype=np.uint8)
        labels = np.arange(self.images) % 2
        images[labels == 0, :, :8] += 127
        images[labels == 1, :, 8:] += 127
        return images, labels[:, None].tolist()
