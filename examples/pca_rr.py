"""A method from outside the package: PCA hashing with a random rotation (PCA-RR), and without it (PCA-Direct).

Sources: Jégou, Douze, Schmid and Pérez, "Aggregating local descriptors into a compact image representation", CVPR 2010,
who rotate after PCA so that every component carries about the same variance; Gong and Lazebnik, "Iterative
Quantization", CVPR 2011, who call the signs of these components PCA-RR and compare their ITQ with it: ITQ learns the
rotation that is drawn here.

Use it by `plugins: [examples/pca_rr.py]` in a config, as examples/pca_rr.yaml does. A method is such a file, with

1. a class with a name that no other method has, by `@hashing.register`;
2. its parameters in `__init__`, stored as they are and used in `fit`, as scikit-learn wants it. `bits` and
   `random_state` are for every method; a config sets the others by `params:`;
3. `fit`, which learns from features (n, d), and from labels if it wants them, and sets the arrays that `learned` names.

Saving, loading, packing codes, ranking and measuring are the package's. `LinearHasher` suits a method whose scores
are a linear function of the features; any other subclasses `Hasher` and gives `decision_function` and `learned` too.
"""

import numpy as np
from sklearn.decomposition import PCA
from sklearn.utils import check_random_state

from l2h import hashing
from l2h.errors import L2HError
from l2h.hashing.base import LinearHasher, require


@hashing.register("pca_rr")
class PCARR(LinearHasher):
    """Signs of the first `bits` principal components, rotated at random.

    Parameters
    ----------
    bits : code length, at most the number of features and of training samples
    rotate : False leaves the components as they are (PCA-Direct), whose later bits carry little variance
    random_state : of the rotation
    """

    def __init__(self, bits=32, *, rotate=True, random_state=None):
        self.bits = bits
        self.rotate = rotate
        self.random_state = random_state

    def check_params(self):
        """Raise ValueError for a value that makes no sense; a config that has one is refused before anything runs."""
        super().check_params()
        require(isinstance(self.rotate, bool), "rotate", self.rotate, "true or false")

    def fit(self, X, y=None):
        """Learn from X (n, d); y, the labels, is ignored."""
        data = self.training_features(X)  # checked: parameters, finite floats, two samples or more
        if self.bits > min(data.shape):
            raise L2HError(  # its one line is all that a user sees, so it names the cure
                f"PCA-RR of {self.bits} bits needs at least {self.bits} features and samples, got "
                f"n_features={data.shape[1]} and n_samples={data.shape[0]}; ask for fewer bits"
            )
        pca = PCA(self.bits, svd_solver="full").fit(data)
        rotation = np.eye(self.bits)
        if self.rotate:
            noise = check_random_state(self.random_state).standard_normal((self.bits, self.bits))
            rotation, _ = np.linalg.qr(noise)
        # what LinearHasher learns: scores are (X - mean_) @ projection_ + intercept_
        self.mean_ = pca.mean_
        self.projection_ = pca.components_.T @ rotation.astype(data.dtype)
        self.intercept_ = np.zeros(self.bits, dtype=data.dtype)
        return self
