"""A method from outside the package: signs of the first features, after centring."""

import numpy as np

from l2h import hashing
from l2h.hashing.base import LinearHasher


@hashing.register("toy")
class Toy(LinearHasher):
    """The code is the signs of the first `bits` features."""

    def __init__(self, bits=8, *, random_state=None):
        self.bits = bits
        self.random_state = random_state

    def fit(self, X, y=None):
        """Keep the mean."""
        data = self.training_features(X)
        self.mean_ = data.mean(axis=0)
        self.projection_ = np.eye(data.shape[1], self.bits, dtype=np.float32)
        self.intercept_ = np.zeros(self.bits, dtype=np.float32)
        return self
