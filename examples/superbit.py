"""A method from outside the package: super-bit LSH.

Source: Ji, Li, Yan, Zhang and Tian, "Super-Bit Locality-Sensitive Hashing", NIPS 2012. Random hyperplanes, as in LSH,
but orthogonal to each other in groups of `depth`, so that their codes estimate angles with less variance.

To use it, add `plugins: [examples/superbit.py]` to a config, as in examples/superbit.yaml. A method is a file with

1. a class with a unique name, registered with `@hashing.register`;
2. its parameters in `__init__`, stored unchanged and used in `fit`, as in scikit-learn. Every method has `bits` and
   `random_state`; a config sets the others with `params:`;
3. `fit`, which learns from features (n, d), optionally from labels, and sets the arrays named in `learned`.

The package does the saving, loading, packing of codes, ranking and evaluation. `LinearHasher` is for methods whose
scores are a linear function of the features; other methods subclass `Hasher`, and define `decision_function` and
`learned` too.
"""

import numpy as np
from sklearn.utils import check_random_state

from l2h import hashing
from l2h.errors import L2HError
from l2h.hashing.base import LinearHasher, is_count, require


@hashing.register("superbit")
class SuperBit(LinearHasher):
    """Signs of projections on random directions that are orthogonal in groups.

    Parameters
    ----------
    bits : code length; may exceed the number of features
    depth : directions in a group, at most the number of features; 1 is LSH
    random_state : seed of the directions
    """

    def __init__(self, bits=32, *, depth=8, random_state=None):
        self.bits = bits
        self.depth = depth
        self.random_state = random_state

    def check_params(self):
        """Raise ValueError for an invalid parameter; a config with one is refused before anything runs."""
        super().check_params()
        require(is_count(self.depth), "depth", self.depth, "a positive integer")

    def fit(self, X, y=None):
        """Learn from X (n, d); y, the labels, is ignored."""
        data = self.training_features(X)  # checks parameters, finite floats, at least two samples
        d = data.shape[1]
        if self.depth > d:  # users see only this line, so it names the fix
            raise L2HError(f"superbit of depth {self.depth} needs as many features, got {d}; set depth to {d} or less")
        rng = check_random_state(self.random_state)
        groups = -(-self.bits // self.depth)  # rounded up
        directions = [np.linalg.qr(rng.standard_normal((d, self.depth)))[0] for _ in range(groups)]
        # what LinearHasher learns: scores are (X - mean_) @ projection_ + intercept_
        self.mean_ = data.mean(axis=0)
        self.projection_ = np.hstack(directions)[:, : self.bits].astype(data.dtype)
        self.intercept_ = np.zeros(self.bits, dtype=data.dtype)
        return self
