"""Hashers with scores linear in Gaussian kernels, which are centred on some training images, the anchors."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics.pairwise import euclidean_distances, rbf_kernel

from l2h.errors import L2HError
from l2h.hashing.base import Hasher
from l2h.hashing.parameters import is_count, is_number, require


@dataclass(kw_only=True, eq=False, repr=False)
class AnchorHasher(Hasher):
    """A supervised hasher whose scores are linear in kernels.

    Scores are `K @ projection_ + intercept_`, where `K_ij = exp(-|x_i - a_j|^2 / (2 width_^2))` for anchors a_j. `fit`
    of a subclass calls `draw_anchors`, and sets `projection_` (m, bits) and `intercept_` (bits,).

    Parameters
    ----------
    anchors : number of training images drawn as anchors; all of them if there are fewer. More can fit the labels more
        closely; time grows with their square, and coding an image needs its distance to each
    width : width of a kernel, as a multiple of the median distance between two anchors, so that it fits any features.
        The papers' 0.4 is an absolute width, for features of unit length
    """

    learned: ClassVar[tuple[str, ...]] = ("anchors_", "width_", "projection_", "intercept_")
    anchors: int = 1000
    width: float = 0.5

    def check_params(self) -> None:
        """Raise ValueError for an invalid parameter."""
        super().check_params()
        require(is_count(self.anchors) and self.anchors > 1, "anchors", self.anchors, "an integer from 2")
        require(is_number(self.width) and self.width > 0, "width", self.width, "a number above 0")

    def draw_anchors(self, X: NDArray, rng: np.random.RandomState) -> None:
        """Set `anchors_` (m, d) and `width_` from features (n, d); raise L2HError if all anchors are equal."""
        self.anchors_ = X[rng.permutation(len(X))[: self.anchors]]
        distances = euclidean_distances(self.anchors_)
        apart = distances[distances > 0]
        if not len(apart):
            raise L2HError(
                f"{type(self).__name__} needs features that vary; all {len(self.anchors_)} anchors are equal"
            )
        self.width_ = X.dtype.type(self.width * np.median(apart))

    def kernels(self, X: NDArray) -> NDArray:
        """Kernels K (n, m) of features (n, d)."""
        return rbf_kernel(X, self.anchors_, gamma=1 / (2 * float(self.width_) ** 2))

    def decision_function(self, X: ArrayLike) -> NDArray:
        """Scores, float (n, bits)."""
        return self.kernels(self._checked(X)) @ self.projection_ + self.intercept_

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags
