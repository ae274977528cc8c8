"""Iterative quantisation of the directions that are most correlated with the labels.

Gong and Lazebnik, "Iterative Quantization: A Procrustean Approach to Learning Binary Codes", CVPR 2011, section 4;
Gong, Lazebnik, Gordo and Perronnin, PAMI 2013.
"""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.linear_model import ridge_regression
from sklearn.utils import check_random_state

from l2h.errors import L2HError
from l2h.hashing.base import LinearHasher
from l2h.hashing.labels import labelled
from l2h.hashing.parameters import is_count, is_number, require
from l2h.hashing.shallow.rotation import learned_rotation

LEAST = 1e-9  # relative to the largest eigenvalue; smaller ones are rounding errors


@dataclass(kw_only=True, eq=False, repr=False)
class ITQCCA(LinearHasher):
    """Canonical correlation analysis of features and labels, then ITQ's rotation.

    Features are projected on the directions that are most correlated with the labels. The rotation of `itq` then
    makes codes of the projections.

    Parameters
    ----------
    bits : code length, at most the number of correlated directions
    ridge : r, as a share of the mean of the diagonal of X'X, so that the scale of features does not matter. Raise it
        if there are few training images. Known code has r = 1e-4, which overfits if there are more features than
        training images
    n_iter : alternations between the codes and the rotation, as in `itq`
    random_state : of the first rotation

    Notes
    -----
    **Formula.** With centred features X and labels Y, the directions w are the first `bits` eigenvectors of ::

        X'Y (Y'Y)^+ Y'X w = mu^2 (X'X + r I) w

    scaled to `w'(X'X + r I) w = mu^2`, so that those of high correlation mu weigh more.

    **Multi-label.** Y is multi-hot, and centred. C labels have up to C correlated directions if an image can have
    several, and at most C - 1 if each image has one. Images without a label are not used.

    **Pitfalls.**

    - More bits than correlated directions are an error here. Other code fills them from directions without correlation,
      which code noise: for 10 classes, all bits after the ninth.
    - A copy in circulation divides each direction by its correlation instead of multiplying, so the weakest weigh most.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from l2h import hashing
    >>> X, y = load_iris(return_X_y=True)
    >>> hasher = hashing.make("itq_cca", bits=2, random_state=0).fit(X, y)
    >>> hasher.transform(X).shape
    (150, 1)
    """

    ridge: float = 1e-2
    n_iter: int = 50

    def check_params(self) -> None:
        """Raise ValueError for an invalid parameter."""
        super().check_params()
        require(is_number(self.ridge) and self.ridge > 0, "ridge", self.ridge, "a number above 0")
        require(is_count(self.n_iter), "n_iter", self.n_iter, "a positive integer")

    def fit(self, X: ArrayLike, y: ArrayLike | None = None) -> Self:
        """Learn from X (n, d) with labels y, int (n,) classes or bool (n, c) multi-hot.

        Raises
        ------
        L2HError
            `bits` is above the number of directions that are correlated with the labels
        """
        data = self.training_features(X)
        rows, labels = labelled(y, len(data), "ITQ-CCA")
        centred = data[rows].astype(np.float64)
        mean = centred.mean(axis=0)
        centred -= mean
        directions = correlated_directions(centred, labels - labels.mean(axis=0), self.ridge)
        found = directions.shape[1]
        if self.bits > found:
            raise L2HError(
                f"ITQ-CCA of {self.bits} bits needs as many directions that are correlated with the labels, but "
                f"{labels.shape[1]} classes and {data.shape[1]} features have {found}; use fewer bits"
            )
        directions = directions[:, : self.bits]
        rng = check_random_state(self.random_state)
        rotation = learned_rotation(centred @ directions, self.n_iter, rng)
        self.mean_ = mean.astype(data.dtype)
        self.projection_ = (directions @ rotation).astype(data.dtype)
        self.intercept_ = np.zeros(self.bits, dtype=data.dtype)
        return self

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags


def correlated_directions(X: NDArray, Y: NDArray, ridge: float) -> NDArray:
    """Return the directions (d, k) of centred features (n, d) that are correlated with centred labels (n, c).

    They are in descending order of their k correlations, all that are not 0. With whitened labels Z = Y E, Z'Z = I, and
    one regression B = (X'X + r I)^-1 X'Z, each is B u for an eigenvector u of the (c, c) matrix Z'X B.
    """
    values, vectors = np.linalg.eigh(Y.T @ Y)
    kept = values > LEAST * max(values[-1], 1)
    whitened = Y @ (vectors[:, kept] / np.sqrt(values[kept]))
    alpha = ridge * np.mean(np.einsum("ij,ij->j", X, X)) or 1.0
    regression = ridge_regression(X, whitened, alpha=alpha, solver="cholesky").reshape(-1, X.shape[1]).T
    squares, mixing = np.linalg.eigh(whitened.T @ X @ regression)
    kept = squares > LEAST
    return (regression @ mixing[:, kept])[:, ::-1]
