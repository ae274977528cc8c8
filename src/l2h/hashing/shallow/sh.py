"""Spectral hashing.

Weiss, Torralba and Fergus, "Spectral Hashing", NIPS 2008.
"""

from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from l2h.errors import L2HError
from l2h.hashing.base import Hasher
from l2h.hashing.shallow.pca import fit_pca


class SH(Hasher):
    """Signs of the smoothest eigenfunctions of a uniform distribution on the data's bounding box.

    The box has the principal axes as its sides. Long sides get several bits, short ones may get none.

    Parameters
    ----------
    bits : code length; more bits than features are fine
    random_state : start vector of the PCA; affects only the last digits

    Notes
    -----
    **Formula.** On a side of length L from `low`, the eigenfunctions are `cos(k pi (x - low) / L)` for k = 1, 2, ...,
    with eigenvalues that grow with k / L. The `bits` smallest over all sides are kept.

    **Pitfalls.**

    - A bit with k > 1 changes several times along its axis, so images far apart can agree in it. More bits can lower
      the mAP, as in `docs/explanation/results.md`.
    - The box reaches from the smallest to the largest value, so a single outlier can change many bits.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from l2h import hashing
    >>> X, y = load_iris(return_X_y=True)
    >>> hasher = hashing.make("sh", bits=8).fit(X)
    >>> hasher.axis_.tolist()  # the principal axis of each bit
    [0, 0, 1, 0, 0, 2, 0, 1]
    """

    deterministic = True
    learned = ("mean_", "components_", "low_", "axis_", "frequency_")
    mean_: NDArray
    components_: NDArray
    low_: NDArray
    axis_: NDArray
    frequency_: NDArray

    def fit(self, X: ArrayLike, y: ArrayLike | None = None) -> Self:
        """Learn from X (n, d); y is ignored. Raises L2HError if X does not vary."""
        data = self.training_features(X)
        pca = fit_pca(data, min(self.bits, *data.shape), self.random_state)
        reduced = pca.transform(data)
        length = np.ptp(reduced, axis=0).astype(np.float64)
        if not length.max() > 0:
            raise L2HError("SH needs features that vary; all training samples are equal")
        with np.errstate(divide="ignore"):  # the longest side alone has enough modes; a side of length 0 gets none
            frequency = np.pi * np.arange(1, self.bits + 1)[:, None] / length
        order = np.argsort(frequency, axis=None, kind="stable")[: self.bits]
        self.mean_ = pca.mean_
        self.components_ = pca.components_
        self.low_ = reduced.min(axis=0)
        self.axis_ = order % len(length)
        self.frequency_ = frequency.ravel()[order].astype(data.dtype)
        return self

    def decision_function(self, X: ArrayLike) -> NDArray:
        """Eigenfunctions at X, float (n, bits), in -1..1."""
        position = (self._checked(X) - self.mean_) @ self.components_.T - self.low_
        return np.cos(self.frequency_ * position[:, self.axis_])
