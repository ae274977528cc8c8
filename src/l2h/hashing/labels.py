"""Convert labels, classes or multi-hot, to one form."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from l2h.errors import L2HError


def multi_hot(y: ArrayLike | None, n: int, method: str) -> NDArray[np.bool_]:
    """Labels of n images, int (n,) classes or multi-hot (n, c), as bool (n, c); raises L2HError for other arrays."""
    if y is None:
        raise L2HError(f"requires y to be passed, but the target y is None: {method} is supervised")
    labels = np.asarray(y)
    if len(labels) != n or labels.ndim not in (1, 2):
        raise L2HError(f"y has the shape {labels.shape}; ({n},) classes or ({n}, c) multi-hot expected")
    if labels.ndim == 1:
        classes, index = np.unique(labels, return_inverse=True)
        return np.eye(len(classes), dtype=bool)[index]
    if not np.isin(labels, (0, 1)).all():
        raise L2HError("y of two dimensions is multi-hot, so it holds only 0 and 1; give classes as one dimension")
    return labels.astype(bool)


def labelled(y: ArrayLike | None, n: int, method: str) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Return which of n images have a label, bool (n,), and the labels of these, float64 (m, c) multi-hot.

    Labels without images are left out. Raises L2HError if fewer than two labels remain.
    """
    labels = multi_hot(y, n, method)
    rows, present = labels.sum(axis=1) > 0, labels.sum(axis=0) > 0
    if present.sum() < 2:
        raise L2HError(f"{method} needs training images of at least two classes, got {present.sum()}")
    return rows, labels[rows][:, present].astype(np.float64)
