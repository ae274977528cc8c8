"""scikit-learn's 1,797 handwritten digits, 8 x 8 grey pixels."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from l2h.datasets.base import ArrayDataset
from l2h.splits import Protocol


class Digits(ArrayDataset):
    """`sklearn.datasets.load_digits`: the test part of UCI's "Optical Recognition of Handwritten Digits"."""

    protocols = {"digits-300": Protocol(query=30, train=50, per_class=True)}
    licence = "CC BY 4.0 by its source, https://archive.ics.uci.edu/dataset/80 (E. Alpaydin and C. Kaynak)"
    flips = False

    def load(self) -> tuple[NDArray[np.uint8], Sequence[Sequence[int]]]:
        """Images uint8 (1797, 8, 8), the 17 grey levels spread over 0..255, and one label each."""
        from sklearn.datasets import load_digits

        digits = load_digits()
        images = np.round(digits.images * (255 / 16)).astype(np.uint8)
        return images, digits.target[:, None].tolist()
