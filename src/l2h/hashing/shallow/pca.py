"""Principal components, computed exactly, and only as many as needed."""

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA

from l2h.errors import L2HError


def fit_pca(X: NDArray, n_components: int, random_state: int | np.random.RandomState | None) -> PCA:
    """Fit `n_components` <= min(n, d) components of X (n, d), the largest entry of each positive.

    ARPACK finds a few of many to machine precision (scikit-learn's "auto" would choose a randomised approximation);
    it cannot find all, LAPACK does.
    """
    solver = "arpack" if n_components < min(X.shape) else "full"
    return PCA(n_components, svd_solver=solver, random_state=random_state).fit(X)


def fit_bits(method: str, X: NDArray, bits: int, random_state: int | np.random.RandomState | None) -> PCA:
    """Fit one component per bit; raise L2HError if X (n, d) has fewer: it has at most d and n - 1."""
    n, d = X.shape
    if bits > min(d, n - 1):
        raise L2HError(
            f"{method} of {bits} bits needs at least {bits} features and {bits + 1} samples, got n_features={d} and "
            f"n_samples={n}; use fewer bits"
        )
    return fit_pca(X, bits, random_state)
