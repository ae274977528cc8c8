"""Iterative quantisation.

Gong and Lazebnik, "Iterative Quantization: A Procrustean Approach to Learning Binary Codes", CVPR 2011.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import check_random_state

from l2h.hashing.base import LinearHasher
from l2h.hashing.parameters import is_count, require
from l2h.hashing.shallow.pca import fit_bits
from l2h.hashing.shallow.rotation import learned_rotation


@dataclass(kw_only=True, eq=False, repr=False)
class ITQ(LinearHasher):
    """PCA to `bits` dimensions, then the rotation that moves the data closest to the corners of the cube.

    It alternates between the signs of the rotated data and the rotation that brings the data nearest to these signs.

    Parameters
    ----------
    bits : code length, at most the number of features, and below that of training samples
    n_iter : alternations between codes and rotation; the paper's 50. Fewer are faster, and nearer to `pca_rr`
    random_state : of the first rotation

    Notes
    -----
    **Formula.** With the first `bits` principal components V (n, bits) of the centred features, codes B in {-1, 1} and
    a rotation R minimise `|B - V R|^2`. In turn, `B = sign(V R)` and `R = W U'`, where `B'V = U S W'` is a singular
    value decomposition. No step increases the loss.

    **Pitfalls.**

    - Several copies, faiss's among them, transpose a matrix once too often. Their results lie between those of a random
      rotation and of ITQ; see `docs/explanation/findings.md`.
    - PCA has no more components than features, so long codes of short features are an error.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from l2h import hashing
    >>> X, y = load_iris(return_X_y=True)
    >>> hasher = hashing.make("itq", bits=4, random_state=0).fit(X)
    >>> hasher.transform(X).shape
    (150, 1)
    """

    n_iter: int = 50

    def check_params(self) -> None:
        """Raise ValueError for an invalid parameter."""
        super().check_params()
        require(is_count(self.n_iter), "n_iter", self.n_iter, "a positive integer")

    def fit(self, X: ArrayLike, y: ArrayLike | None = None) -> Self:
        """Learn from X (n, d); y is ignored. Raises L2HError if d or n - 1 is below `bits`."""
        data = self.training_features(X)
        rng = check_random_state(self.random_state)
        pca = fit_bits("ITQ", data, self.bits, rng)
        self.mean_ = pca.mean_
        self.projection_ = pca.components_.T @ learned_rotation(pca.transform(data), self.n_iter, rng)
        self.intercept_ = np.zeros(self.bits, dtype=data.dtype)
        return self
