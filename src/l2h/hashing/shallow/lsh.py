"""Locality-sensitive hashing by random hyperplanes.

Charikar, "Similarity estimation techniques from rounding algorithms", STOC 2002.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import check_random_state

from l2h.errors import L2HError
from l2h.hashing.base import LinearHasher
from l2h.hashing.parameters import is_count, require
from l2h.hashing.shallow.pca import fit_pca


@dataclass(kw_only=True, eq=False, repr=False)
class LSH(LinearHasher):
    """Signs of projections on Gaussian random directions, after centring.

    Two features at an angle of t agree in a bit with probability 1 - t / pi, so the Hamming distance estimates the
    angle. Only the mean, and the principal components if asked for, are learned from data.

    Parameters
    ----------
    bits : code length; more bits than features are fine
    pca_dims : reduce the features to this many principal components first, to drop directions of little variance; None
        leaves them
    random_state : of the directions

    Notes
    -----
    **Formula.** `sign((x - mean) G)`, where G (d, bits) has independent standard normal entries.

    **Pitfalls.**

    - Without centring, features that are never negative, such as those after a ReLU, have angles of at most 90 degrees,
      so Hamming distances use only half of their range.
    - Short codes depend much on the drawn directions. Average over several seeds.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from l2h import hashing
    >>> X, y = load_iris(return_X_y=True)
    >>> hasher = hashing.make("lsh", bits=64, random_state=0).fit(X)
    >>> hasher.transform(X).shape
    (150, 8)
    """

    pca_dims: int | None = None

    def check_params(self) -> None:
        """Raise ValueError for an invalid parameter."""
        super().check_params()
        require(self.pca_dims is None or is_count(self.pca_dims), "pca_dims", self.pca_dims, "null or from 1")

    def fit(self, X: ArrayLike, y: ArrayLike | None = None) -> Self:
        """Draw the hyperplanes; X (n, d) gives the centre; y is ignored."""
        data = self.training_features(X)
        rng = check_random_state(self.random_state)
        self.mean_ = data.mean(axis=0)
        if self.pca_dims is None:
            self.projection_ = rng.standard_normal((data.shape[1], self.bits)).astype(data.dtype)
        else:
            if self.pca_dims > min(data.shape):
                raise L2HError(
                    f"pca_dims={self.pca_dims} needs as many features and samples, got n_features={data.shape[1]} "
                    f"and n_samples={data.shape[0]}"
                )
            components = fit_pca(data, self.pca_dims, rng).components_.T
            self.projection_ = components @ rng.standard_normal((self.pca_dims, self.bits)).astype(data.dtype)
        self.intercept_ = np.zeros(self.bits, dtype=data.dtype)
        return self
