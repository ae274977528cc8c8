"""A method from outside the package that takes more memory than its job asks for at first."""

import time

import numpy as np

from l2h import hashing
from l2h.hashing.shallow.lsh import LSH


@hashing.register("hungry")
class Hungry(LSH):
    """LSH that holds 3 GB for a while."""

    def fit(self, X, y=None):
        """Hold them for long enough to be seen."""
        held = np.ones(3 * 10**9, np.uint8)
        time.sleep(5)
        del held
        return super().fit(X, y)
