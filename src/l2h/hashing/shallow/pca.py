"""Principal components, exactly and only as many as are needed."""

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA


def fit_pca(X: NDArray, n_components: int, random_state: int | np.random.RandomState | None) -> PCA:
    """Fit `n_components` <= min(n, d) components of X (n, d).

    ARPACK finds a few of many to machine precision (scikit-learn's "auto" would choose a randomised approximation);
    it cannot find all, LAPACK does.
    """
    solver = "arpack" if n_components < min(X.shape) else "full"
    return PCA(n_components, svd_solver=solver, random_state=random_state).fit(X)
