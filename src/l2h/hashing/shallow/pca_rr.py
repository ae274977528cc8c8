"""Principal components, rotated at random.

Jégou, Douze, Schmid and Pérez, "Aggregating local descriptors into a compact image representation", CVPR 2010, rotate
after PCA so that all components carry about the same variance. Gong and Lazebnik, "Iterative Quantization", CVPR 2011,
call the signs PCA-RR; their ITQ learns the rotation that is drawn here.
"""

from typing import Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import check_random_state

from l2h.hashing.base import LinearHasher
from l2h.hashing.shallow.pca import fit_bits
from l2h.hashing.shallow.rotation import random_rotation


class PCARR(LinearHasher):
    """Signs of the first `bits` principal components, times a random orthogonal matrix: ITQ before its first iteration.

    The rotation spreads the variance over all bits. This is the baseline for `itq`, which learns the rotation.

    Parameters
    ----------
    bits : code length, at most the number of features, and below that of training samples
    random_state : of the rotation

    Notes
    -----
    **Formula.** `sign(V R)`, with the principal components V (n, bits) of the centred features and a random rotation R.

    **Pitfalls.** Results of other code that are labelled ITQ can be close to those of this method; see
    `docs/explanation/findings.md`.

    Examples
    --------
    >>> import numpy as np
    >>> from l2h import hashing
    >>> X = np.random.default_rng(0).normal(size=(100, 3)) * [9, 3, 1]
    >>> hasher = hashing.make("pca_rr", bits=3, random_state=0).fit(X)
    >>> np.allclose(hasher.projection_.T @ hasher.projection_, np.eye(3))
    True
    """

    def fit(self, X: ArrayLike, y: ArrayLike | None = None) -> Self:
        """Learn from X (n, d); y is ignored. Raises L2HError if d or n - 1 is below `bits`."""
        data = self.training_features(X)
        rng = check_random_state(self.random_state)
        pca = fit_bits("PCA-RR", data, self.bits, rng)
        self.mean_ = pca.mean_
        self.projection_ = pca.components_.T @ random_rotation(self.bits, rng).astype(data.dtype)
        self.intercept_ = np.zeros(self.bits, dtype=data.dtype)
        return self
