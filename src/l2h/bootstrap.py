"""How sure a mean over queries is: percentile bootstrap, the same resamples for all methods (Efron, 1979)."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

RESAMPLES = 2000
LEVEL = 0.95


def resampled_means(values: Floats, seed: int = 0) -> Floats:
    """Means of the queries drawn with replacement, again and again; equal methods have equal means.

    Parameters
    ----------
    values : float64 (Q, methods); one draw of queries serves all columns, so that their differences are paired

    Returns
    -------
    float64 (RESAMPLES, methods)
    """
    n = len(values)
    rng = np.random.default_rng(seed)
    means = np.stack([rng.multinomial(n, np.full(n, 1 / n)) @ values / n for _ in range(RESAMPLES)])
    _, first, inverse = np.unique(values, axis=1, return_index=True, return_inverse=True)
    return means[:, first[inverse]]  # a product rounds equal columns differently


def interval(means: Floats) -> tuple[Floats, Floats]:
    """The bounds between which the middle 95% of the resampled means (RESAMPLES, ...) lie, each of shape (...)."""
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    return low, high


def p_value(differences: Floats) -> float:
    """Two-sided p of "no difference" from resampled differences (RESAMPLES,); at least 1 / RESAMPLES."""
    below, above = (differences <= 0).mean(), (differences >= 0).mean()
    return float(np.clip(2 * min(below, above), 1 / RESAMPLES, 1))
