"""Count rank histograms with numpy, which is faster than loading numba for small problems."""

import numpy as np
from numpy.typing import NDArray

from l2h.ranking.problem import Problem


def count(problem: Problem) -> NDArray[np.int64]:
    """Irrelevant and relevant items at each distance, int64 (Q, 2, bits + 1); one bincount a query."""
    bins = problem.bits + 1
    tables = np.empty((len(problem.query_words), 2, bins), dtype=np.int64)
    for word, label_set, first, last, table in zip(*problem[:4], tables, strict=True):
        slots = np.bitwise_count(problem.words ^ word[:, None]).sum(axis=0, dtype=np.intp)
        relevant = (problem.sets & label_set[:, None]).any(axis=0)
        relevant[first:last] = True
        slots += bins * relevant
        table[:] = np.bincount(slots, minlength=2 * bins).reshape(2, bins)
    return tables
