"""Two handwritten digits side by side: real images with one or two labels each."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from l2h.datasets.digits import Digits
from l2h.splits import Protocol


class DigitPairs(Digits):
    """898 pairs made from `digits` by a fixed seed.

    Each digit is used once (one of the 1,797 is left over), so a query never shares a half with the database. A pair's
    labels are the digits that it shows: two, or one if they are equal.
    """

    protocols = {"digit-pairs-200": Protocol(query=200, train=300, per_class=False)}
    seed = 0

    def load(self) -> tuple[NDArray[np.uint8], Sequence[Sequence[int]]]:
        """Images uint8 (898, 8, 16) and the sorted labels of each."""
        images, labels = super().load()
        order = np.random.default_rng(self.seed).permutation(len(images))[: len(images) // 2 * 2]
        left, right = order[::2], order[1::2]
        pairs = np.concatenate([images[left], images[right]], axis=2)
        return pairs, [sorted({*labels[a], *labels[b]}) for a, b in zip(left, right, strict=True)]
