"""Orthogonal rotations of projected features: a random one, and the one that ITQ learns."""

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import orthogonal_procrustes


def random_rotation(n: int, rng: np.random.RandomState) -> NDArray[np.float64]:
    """Draw an orthogonal matrix, float64 (n, n)."""
    rotation, _ = np.linalg.qr(rng.standard_normal((n, n)))
    return rotation


def learned_rotation(projected: NDArray, n_iter: int, rng: np.random.RandomState) -> NDArray:
    """Alternate between the codes of projected features (n, bits) and the rotation that brings these nearest to them.

    Gong and Lazebnik, "Iterative Quantization", CVPR 2011. No iteration raises the squared distance to the codes.
    """
    rotation = random_rotation(projected.shape[1], rng).astype(projected.dtype)
    for _ in range(n_iter):
        signs = np.where(projected @ rotation > 0, 1, -1).astype(projected.dtype)
        rotation, _ = orthogonal_procrustes(projected, signs)
    return rotation
