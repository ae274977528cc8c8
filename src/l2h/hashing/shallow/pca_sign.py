"""Signs of the principal components.

Gong and Lazebnik, "Iterative Quantization: A Procrustean Approach to Learning Binary Codes", CVPR 2011, call it
PCA-Direct and compare their rotations with it.
"""

from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from l2h.hashing.base import LinearHasher
from l2h.hashing.shallow.pca import fit_bits


class PCASign(LinearHasher):
    """Bit k is the sign of the k-th principal component of the centred features.

    Each component gives one bit, regardless of its variance.

    Parameters
    ----------
    bits : code length, at most the number of features, and below that of training samples
    random_state : without effect, because nothing is random

    Notes
    -----
    **Formula.** `sign((x - mean) W)`, where the columns of W (d, bits) are the first principal directions. The sign of
    a direction is arbitrary; here its largest entry is positive.

    **Pitfalls.** Quality falls for long codes: their last bits carry little variance, but count as much as the first.
    `pca_rr` spreads the variance over all bits.

    Examples
    --------
    >>> from l2h import hashing
    >>> X = [[3.0, 1.0], [-3.0, 1.0], [3.0, -1.0], [-3.0, -1.0]]
    >>> hasher = hashing.make("pca_sign", bits=2).fit(X)
    >>> hasher.decision_function(X).round(6).tolist()
    [[3.0, 1.0], [-3.0, 1.0], [3.0, -1.0], [-3.0, -1.0]]
    """

    deterministic = True

    def fit(self, X: ArrayLike, y: ArrayLike | None = None) -> Self:
        """Learn from X (n, d); y is ignored. Raises L2HError if d or n - 1 is below `bits`."""
        data = self.training_features(X)
        pca = fit_bits("PCA-sign", data, self.bits, random_state=0)  # where ARPACK starts
        self.mean_ = pca.mean_
        self.projection_ = pca.components_.T
        self.intercept_ = np.zeros(self.bits, dtype=data.dtype)
        return self
