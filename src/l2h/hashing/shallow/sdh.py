"""Supervised discrete hashing.

Shen, Shen, Liu and Shen, "Supervised Discrete Hashing", CVPR 2015.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import cho_factor, cho_solve, solve
from sklearn.utils import check_random_state

from l2h.hashing.labels import labelled
from l2h.hashing.parameters import is_count, is_number, require
from l2h.hashing.shallow.anchors import AnchorHasher

SWEEPS = 10  # maximum number of sweeps over the bits in one round


@dataclass(kw_only=True, eq=False, repr=False)
class SDH(AnchorHasher):
    """Codes B of the training images that predict the labels Y linearly and that kernels F predict.

    The codes are learned first, bit by bit, without relaxing them to real values. New images get the signs of what the
    kernels predict.

    Attributes
    ----------
    codes_ : B, the learned codes of the training images with a label, -1 or 1, int8 (n, bits); None after `load`

    Parameters
    ----------
    bits : code length
    ridge : r, of the regression of codes on kernels; raise it if there are few training images
    label_ridge : l, of the regression of labels on codes; the paper's 1
    nu : weight of what kernels cannot predict; the paper's 1e-5. Raise it to about 1e-2 for different codes within a
        class
    rounds : maximum number of alternations; the paper's 5
    random_state : of the anchors and the first codes

    Notes
    -----
    **Formula.** B in {-1, 1}, W and P minimise ::

        |Y - B W|^2 + l |W|^2 + nu (|B - F P|^2 + r |P|^2)

    A round solves W and P, then sets one bit of all images after the other to its best value,
    `sign(q_k - sum of b_j <w_j, w_k> over j != k)` with `Q = Y W' + nu F P`, until no bit changes.

    **Multi-label.** Y is multi-hot, so frequent labels weigh more. Images without a label are not used.

    **Pitfalls.**

    - With few classes and the paper's nu, nearly all images of a class get the same code, and some bits can be equal.
      mAP does not show it; see `docs/explanation/findings.md`.
    - A kernel width for features of unit length, as published, does not fit others.
    - "SDH" in FIRe is a different method. The authors' demo can rank the learned codes of the database, training images
      among them, against hashed queries.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from l2h import hashing
    >>> X, y = load_iris(return_X_y=True)
    >>> hasher = hashing.make("sdh", bits=8, random_state=0).fit(X, y)
    >>> hasher.decision_function(X).shape
    (150, 8)
    """

    codes_ = None

    ridge: float = 1e-2
    label_ridge: float = 1.0
    nu: float = 1e-5
    rounds: int = 5

    def check_params(self) -> None:
        """Raise ValueError for an invalid parameter."""
        super().check_params()
        for name in ("ridge", "label_ridge", "nu"):
            value = getattr(self, name)
            require(is_number(value) and value > 0, name, value, "a number above 0")
        require(is_count(self.rounds), "rounds", self.rounds, "a positive integer")

    def fit(self, X: ArrayLike, y: ArrayLike | None = None) -> Self:
        """Learn from X (n, d) with labels y, int (n,) classes or bool (n, c) multi-hot."""
        data = self.training_features(X)
        rows, labels = labelled(y, len(data), "SDH")
        data = data[rows]
        rng = check_random_state(self.random_state)
        self.draw_anchors(data, rng)
        kernels = np.hstack([self.kernels(data).astype(np.float64), np.ones((len(data), 1))])
        factor = cho_factor(kernels.T @ kernels + self.ridge * np.eye(kernels.shape[1]))
        codes = rng.choice((-1.0, 1.0), size=(len(data), self.bits))
        for _ in range(self.rounds):
            weights = label_weights(codes, labels, self.label_ridge)
            target = labels @ weights.T + self.nu * kernels @ cho_solve(factor, kernels.T @ codes)
            before, codes = codes, update_bits(codes, target, weights)
            if np.array_equal(before, codes):
                break
        projection = cho_solve(factor, kernels.T @ codes).astype(data.dtype)
        self.projection_, self.intercept_, self.codes_ = projection[:-1], projection[-1], codes.astype(np.int8)
        return self


def label_weights(codes: NDArray, labels: NDArray, ridge: float) -> NDArray:
    """The W (bits, c) that minimises |Y - B W|^2 + ridge |W|^2 for codes B (n, bits) and labels Y (n, c)."""
    return solve(codes.T @ codes + ridge * np.eye(codes.shape[1]), codes.T @ labels, assume_a="pos")


def update_bits(codes: NDArray, target: NDArray, weights: NDArray) -> NDArray:
    """Codes (n, bits) of -1 and 1 that lower |B W|^2 - 2 tr(B'Q) for target Q (n, bits) and weights W (bits, c).

    One bit of all images at a time, the best value for the other bits, until nothing changes. A bit whose two values
    are equally good keeps its value.
    """
    codes, inner = codes.copy(), weights @ weights.T
    np.fill_diagonal(inner, 0)
    for _ in range(SWEEPS):
        changed = False
        for bit, others in enumerate(inner):
            wanted = target[:, bit] - codes @ others
            flipped = wanted * codes[:, bit] < 0
            codes[flipped, bit] *= -1
            changed |= flipped.any()
        if not changed:
            break
    return codes
