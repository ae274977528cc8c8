"""Find rows by image id."""

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


def find(wanted: Ints, known: Ints) -> tuple[Ints, NDArray[np.bool_]]:
    """The position of each wanted id among the known ids.

    Parameters
    ----------
    wanted : int64 (m,)
    known : int64 (n,), in any order, n >= 1; of duplicates, any may be returned

    Returns
    -------
    rows int64 (m,), undefined where `found` is False; found bool (m,)
    """
    order = np.argsort(known, kind="stable")
    rows = order[np.minimum(np.searchsorted(known, wanted, sorter=order), len(known) - 1)]
    return rows, known[rows] == wanted
