"""Product quantisation, which ranks by real-valued distances to quantised features.

Jegou, Douze and Schmid, "Product Quantization for Nearest Neighbor Search", PAMI 2011.
"""

from collections.abc import Mapping
from typing import ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_random_state

from l2h import extras
from l2h.errors import L2HError
from l2h.hashing.parameters import require
from l2h.hashing.scorer import Scorer

CENTROIDS = 256  # one byte


class PQ(Scorer):
    """Features are split into bits / 8 parts, and each part is stored as one byte, the nearest of 256 centroids.

    Queries are not quantised. It shows what a quantiser that is not a hash does with the same bytes.

    Parameters
    ----------
    bits : code length, a multiple of 8
    random_state : of the k-means that finds the centroids

    Attributes
    ----------
    centroids_ : float32 (bits / 8, 256, width of a part)

    Notes
    -----
    **Formula.** `-sum over parts p of |q_p - c_p|^2`, where c_p is the centroid nearest to part p of the item
    ("asymmetric distance"). Centroids come from k-means on each part of the training features.

    **Pitfalls.**

    - The query is real-valued, so its ranking has more levels than Hamming distances of as many bits.
    - Centroids are stored besides the codes: 1,024 bytes for each of the d features.
    - Features are cut in their given order, without rotation, so the parts can differ in variance. Zeros are appended
      to the features if the parts would be unequal.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from l2h import hashing
    >>> X, _ = load_digits(return_X_y=True)
    >>> scorer = hashing.make("pq", bits=32, random_state=0).fit(X)
    >>> scorer.encode(X).shape  # four bytes an image
    (1797, 4)
    """

    learned: ClassVar[tuple[str, ...]] = ("centroids_",)
    centroids_: NDArray[np.float32]

    def check_params(self) -> None:
        """Raise ValueError for a code length that is not a multiple of 8."""
        super().check_params()
        require(self.bits % 8 == 0, "bits", self.bits, "a multiple of 8, because its codes are whole bytes")

    def fit(self, X: ArrayLike, y: ArrayLike | None = None) -> Self:
        """Find the centroids of X (n, d) with faiss; y is ignored. Raises L2HError if n is below 256."""
        extras.require("faiss")
        import faiss

        data = self.training_features(X, np.float32)
        if len(data) < CENTROIDS:
            cure = "add training images, or remove the method"
            raise L2HError(f"PQ needs at least {CENTROIDS} training images, got {len(data)}; {cure}")
        parts = self._parts(data)
        quantiser = faiss.ProductQuantizer(parts.shape[1] * parts.shape[2], parts.shape[1], 8)
        quantiser.cp.seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        quantiser.cp.min_points_per_centroid = 1  # suppress a warning
        quantiser.train(np.ascontiguousarray(parts.reshape(len(parts), -1)))
        self.centroids_ = faiss.vector_to_array(quantiser.centroids).reshape(parts.shape[1], CENTROIDS, -1)
        return self

    def restore(self, arrays: Mapping[str, NDArray], n_features_in: int) -> None:
        """Restore the centroids; raises ValueError unless they match bits and features."""
        super().restore(arrays, n_features_in)
        expected = (self.bits // 8, CENTROIDS, self._width())
        if self.centroids_.shape != expected:
            raise ValueError(f"centroids_ has the shape {self.centroids_.shape}, {expected} expected")

    def encode(self, X: ArrayLike) -> NDArray[np.uint8]:
        """Numbers of the nearest centroids, uint8 (n, bits / 8)."""
        parts = self._parts(self._checked(X))
        nearest = [
            ((centroids**2).sum(axis=1) / 2 - part @ centroids.T).argmin(axis=1)
            for part, centroids in zip(np.moveaxis(parts, 1, 0), self.centroids_, strict=True)
        ]
        return np.stack(nearest, axis=1).astype(np.uint8)

    def scores(self, queries: ArrayLike, database: ArrayLike) -> NDArray[np.float64]:
        """Negative asymmetric squared distances, float64 (q, m)."""
        q = np.moveaxis(self._parts(self._checked(queries).astype(np.float64)), 1, 0)
        result = np.zeros((q.shape[1], len(np.asarray(database))))
        for part, centroids, code in zip(q, self.centroids_, self.encode(database).T, strict=True):
            table = 2 * (part @ centroids.T) - (part**2).sum(axis=1)[:, None] - (centroids**2).sum(axis=1)
            result += table[:, code]
        return result

    def _width(self) -> int:
        return -(-self.n_features_in_ // (self.bits // 8))

    def _parts(self, X: NDArray) -> NDArray:
        """Features (n, d) as (n, bits / 8, width)."""
        count, width = self.bits // 8, self._width()
        padded = np.pad(X, ((0, 0), (0, count * width - X.shape[1])))
        return padded.reshape(len(X), count, width)
