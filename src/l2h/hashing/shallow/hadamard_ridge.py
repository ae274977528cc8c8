"""Ridge regression of class centres on kernels.

Koutaki, Shirai and Ambai, "Hadamard Coding for Supervised Discrete Hashing", IEEE TIP 2018,
https://arxiv.org/abs/1611.10017.
"""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.linear_model import RidgeCV
from sklearn.utils import check_random_state

from l2h.hashing.centres import KINDS, class_centres
from l2h.hashing.labels import labelled
from l2h.hashing.parameters import is_number, require
from l2h.hashing.shallow.anchors import AnchorHasher


@dataclass(kw_only=True, eq=False, repr=False)
class HadamardRidge(AnchorHasher):
    """SDH without iterations: the code of an image is the centre of its class, and kernels F predict it.

    One ridge regression replaces the rounds of `sdh`, at about the same mAP on MNIST.

    Parameters
    ----------
    bits : code length, long enough for one centre per class
    ridge : r, or several values, of which that with the least squared leave-one-out error is chosen
    centres : kind of class centres, as in `csq`: separated, first_rows (as published) or bernoulli
    random_state : of the anchors and the centres

    Attributes
    ----------
    ridge_ : the selected ridge

    Notes
    -----
    **Formula.** P minimises `|B - F P|^2 + r |P|^2`, with an intercept. Row i of B is the centre of the class of image
    i.

    **Multi-label.** Row i of B is the mean of the centres of the image's labels. The paper has one label per image.
    Images without a label are not used.

    **Pitfalls.**

    - The published centres repeat bits, and the solution is linear in B, so these bits are learned as equal; see
      `docs/explanation/findings.md`.
    - The authors' code has neither a ridge nor an intercept.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from l2h import hashing
    >>> X, y = load_iris(return_X_y=True)
    >>> hasher = hashing.make("hadamard_ridge", bits=8, random_state=0).fit(X, y)
    >>> hasher.decision_function(X).shape
    (150, 8)
    """

    ridge: float | tuple[float, ...] = (1e-3, 1e-2, 1e-1, 1.0, 10.0)
    centres: str = "separated"

    def check_params(self) -> None:
        """Raise ValueError for an invalid parameter."""
        super().check_params()
        values = self.ridge if isinstance(self.ridge, tuple) else (self.ridge,)
        sound = len(values) > 0 and all(is_number(value) and value > 0 for value in values)
        require(sound, "ridge", self.ridge, "a number above 0, or several")
        require(self.centres in KINDS, "centres", self.centres, f"one of {', '.join(KINDS)}")

    def fit(self, X: ArrayLike, y: ArrayLike | None = None) -> Self:
        """Learn from X (n, d) with labels y, int (n,) classes or bool (n, c) multi-hot.

        Raises
        ------
        L2HError
            there are no centres for so many classes at this code length, or all X are equal
        """
        data = self.training_features(X)
        rows, labels = labelled(y, len(data), "Hadamard ridge")
        data = data[rows]
        rng = check_random_state(self.random_state)
        self.draw_anchors(data, rng)
        generator = np.random.default_rng(rng.randint(2**31))
        centres = class_centres(labels.shape[1], self.bits, generator, self.centres)
        targets = labels @ centres / labels.sum(axis=1, keepdims=True)
        model = RidgeCV(self.ridge).fit(self.kernels(data).astype(np.float64), targets)
        self.ridge_ = float(model.alpha_)
        self.projection_ = model.coef_.reshape(self.bits, -1).T.astype(data.dtype)
        self.intercept_ = np.reshape(model.intercept_, self.bits).astype(data.dtype)
        return self

    def notes(self) -> dict[str, Any]:
        """The selected ridge."""
        return {"ridge": self.ridge_}
