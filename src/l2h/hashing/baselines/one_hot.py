"""The number of the predicted class, in as few bits as possible.

Sablayrolles, Douze, Usunier and Jegou, "How should we evaluate supervised hashing?", ICASSP 2017,
https://arxiv.org/abs/1609.06753.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from l2h.hashing.baselines.classifier import LogisticClassifier
from l2h.hashing.scorer import Scorer


@dataclass(kw_only=True, eq=False, repr=False)
class OneHot(LogisticClassifier, Scorer):
    """Rank images of the predicted class first, and all others after them, tied.

    These are the Hamming distances of one-hot codes. Only the number of the class is stored, so an item takes
    ceil(log2 C) bits for C classes, regardless of the config's code lengths. `classifier` uses more bits for the same
    classes.

    Parameters
    ----------
    bits, random_state : without effect; all methods have them

    Notes
    -----
    **Formula.** 1 if the predicted classes of query and item are the same, else 0.

    **Pitfalls.** There are only two ranks, so mAP and precision at k are means over the orders of many ties. Code that
    sorts such scores returns the order of the database instead.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from l2h import hashing
    >>> X, y = load_iris(return_X_y=True)
    >>> scorer = hashing.make("one_hot", bits=8).fit(X, y)
    >>> scorer.scores(X[:2], X[[3, 4, -1]]).tolist()
    [[1.0, 1.0, 0.0], [1.0, 1.0, 0.0]]
    >>> scorer.item_bits(feature_bits=4 * 32)
    2
    """

    deterministic = True
    bits: int = 0

    def check_bits(self) -> None:
        """Accept any `bits`."""

    def lengths_and_seeds(
        self, dataset: str, protocol: str, bits: Sequence[int], seeds: Sequence[int]
    ) -> list[tuple[int, int]]:
        """One result for all code lengths and seeds of a config: length 0, first seed."""
        return [(0, seeds[0])]

    def restore(self, arrays: Mapping[str, NDArray], n_features_in: int) -> None:
        """Restore the regression; raises ValueError unless its arrays match the features and each other."""
        super().restore(arrays, n_features_in)
        found = [array.shape for array in (self.mean_, self.projection_, self.intercept_)]
        classes = self.intercept_.size
        expected = [(n_features_in,), (n_features_in, classes), (classes,)]
        if found != expected:
            raise ValueError(f"its arrays have the shapes {found}, {expected} expected")

    def item_bits(self, feature_bits: int) -> int:
        """Bits of a class number: ceil(log2 C)."""
        return (len(self.intercept_) - 1).bit_length()

    def scores(self, queries: ArrayLike, database: ArrayLike) -> NDArray[np.float64]:
        """1 if the predicted classes are the same, else 0; float64 (q, m)."""
        return (self.predicted(queries)[:, None] == self.predicted(database)).astype(np.float64)
