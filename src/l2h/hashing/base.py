"""Base classes of methods, and of hashers: scikit-learn estimators from features to packed binary codes."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from l2h import codes
from l2h.hashing.labels import multi_hot
from l2h.hashing.parameters import is_count, is_number, require
from l2h.hashing.saving import SavedEstimator

# plug-ins import the functions from here too
__all__ = ["FittedMethod", "Hasher", "LinearHasher", "Method", "is_count", "is_number", "multi_hot", "require"]


@dataclass(kw_only=True, eq=False, repr=False)
class Method(BaseEstimator):
    """Base class of all methods that a config can name: parameters, including `bits` and `random_state`, and checks.

    A subclass declares its own parameters with defaults, under the same decorator, and inherits the others. Or it has
    an `__init__` that stores all of them unchanged. Equality and repr are scikit-learn's.

    Parameters
    ----------
    bits : code length
    random_state : seed

    Attributes
    ----------
    scopes : what a deep method can train ("linear": a hash layer on frozen features); empty for all others
    kind : value of the column `scope` for a method without scopes
    deterministic : whether the result does not depend on `random_state`, so that one training is enough
    """

    scopes: ClassVar[tuple[str, ...]] = ()
    kind: ClassVar[str] = "shallow"
    deterministic: ClassVar[bool] = False
    bits: int = 32
    random_state: int | None = None

    def check_params(self) -> None:
        """Raise ValueError for an invalid parameter; subclasses add their own checks."""
        self.check_bits()

    def check_bits(self) -> None:
        """Raise ValueError unless `bits` is a code length; methods without a code accept any."""
        require(is_count(self.bits), "bits", self.bits, "a positive integer")

    def lengths_and_seeds(
        self, dataset: str, protocol: str, bits: Sequence[int], seeds: Sequence[int]
    ) -> list[tuple[int, int]]:
        """The code lengths and seeds of a config for which the method has separate results: by default all."""
        return list(product(bits, seeds))


class FittedMethod(SavedEstimator, Method):
    """A method that learns from features, float (n, d), and is saved without pickle."""

    @abstractmethod
    def fit(self, X: ArrayLike, y: ArrayLike | None = None) -> Self:
        """Learn from features (n, d); supervised methods take labels, int (n,) classes or bool (n, c) multi-hot."""

    def training_features(self, X: ArrayLike, dtype: Any = (np.float64, np.float32)) -> NDArray:
        """Validate the input of `fit`: checks parameters, returns X as finite floats (n >= 2, d), and stores d."""
        self.check_params()
        return validate_data(self, X, dtype=dtype, ensure_min_samples=2)

    def _checked(self, X: ArrayLike) -> NDArray:
        """Validate features for a fitted method: finite floats, with the same d as in `fit`."""
        check_is_fitted(self)
        return validate_data(self, X, dtype=(np.float64, np.float32), reset=False)


class Hasher(TransformerMixin, FittedMethod):
    """Features, float (n, d), to binary codes of `bits` bits.

    A subclass defines `fit`, `decision_function`, and the class attribute `learned`.
    """

    @abstractmethod
    def decision_function(self, X: ArrayLike) -> NDArray:
        """Real-valued scores, float (n, bits), whose signs are the code."""

    def transform(self, X: ArrayLike) -> NDArray[np.uint8]:
        """Packed codes, uint8 (n, ceil(bits / 8)): `l2h.codes.pack(decision_function(X) > 0)`."""
        return codes.pack(self.decision_function(X) > 0)

    def restore(self, arrays: Mapping[str, NDArray], n_features_in: int) -> None:
        """Restore what `fit` learned; raises ValueError unless the arrays are valid for the method."""
        super().restore(arrays, n_features_in)
        # an empty array can claim any shape without a byte in the file
        if not any(array.size and n_features_in in array.shape for array in arrays.values()):
            raise ValueError(f"n_features_in is {n_features_in}, which matches no array's shape")
        try:
            scores = self.decision_function(np.zeros((1, n_features_in), dtype=np.float32))
        except IndexError as error:
            raise ValueError(f"its arrays do not match: {error}") from error
        if scores.shape != (1, self.bits):
            raise ValueError(f"it returns scores of shape {scores.shape}, (1, {self.bits}) expected")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = []
        return tags


class LinearHasher(Hasher):
    """A hasher whose scores are `(X - mean_) @ projection_ + intercept_`."""

    learned = ("mean_", "projection_", "intercept_")
    mean_: NDArray
    projection_: NDArray
    intercept_: NDArray

    def decision_function(self, X: ArrayLike) -> NDArray:
        """Scores, float (n, bits)."""
        return (self._checked(X) - self.mean_) @ self.projection_ + self.intercept_
