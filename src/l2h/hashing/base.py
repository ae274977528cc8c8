"""What every method is, and what a hasher is: a scikit-learn estimator from features to packed binary codes."""

import re
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from inspect import signature
from itertools import product
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.utils.validation import check_is_fitted, validate_data

import l2h
from l2h import codes, plugins
from l2h.errors import L2HError, line
from l2h.hashing import registry
from l2h.store.models import write_model


@dataclass(kw_only=True, eq=False, repr=False)
class Method(BaseEstimator):
    """What a config can name as a method: parameters, among them `bits` and `random_state`, and their checks.

    A subclass states its own parameters with their defaults, below the same decorator, and inherits the others. Or it
    has an `__init__` that stores them all as they are. Equality and repr are scikit-learn's.

    Parameters
    ----------
    bits : code length
    random_state : of all that is random

    Attributes
    ----------
    scopes : what a deep method can train ("linear": a hash layer on frozen features); empty for all others
    kind : what the column `scope` says of a method without scopes
    deterministic : whether `random_state` changes nothing, so that one training is all there is to know
    """

    scopes: ClassVar[tuple[str, ...]] = ()
    kind: ClassVar[str] = "shallow"
    deterministic: ClassVar[bool] = False
    bits: int = 32
    random_state: int | None = None

    def check_params(self) -> None:
        """Raise ValueError, naming the parameter and what it may be; subclasses add their own checks."""
        require(is_count(self.bits), "bits", self.bits, "a whole number from 1")

    def lengths_and_seeds(
        self, dataset: str, protocol: str, bits: Sequence[int], seeds: Sequence[int]
    ) -> list[tuple[int, int]]:
        """Of a config's code lengths and seeds, those at which the method has a result of its own: all of them."""
        return list(product(bits, seeds))


class FittedMethod(Method):
    """A method that learns from features, float (n, d), and is saved without pickle.

    Attributes
    ----------
    learned : the names of the arrays that `fit` sets, which are all that `save` keeps
    """

    learned: ClassVar[tuple[str, ...]]

    @abstractmethod
    def fit(self, X: ArrayLike, y: ArrayLike | None = None) -> Self:
        """Learn from features (n, d); supervised methods take labels, int (n,) classes or bool (n, c) multi-hot."""

    def save(self, folder: str | Path, data: Mapping[str, Any] | None = None) -> None:
        """Write `model.json` and `model.safetensors`.

        Parameters
        ----------
        data : what the model was trained on, kept for provenance

        Raises
        ------
        L2HError
            the class is not registered; or what `fit` set is not all that the method needs, or does not work
        """
        check_is_fitted(self)
        name = registry.name_of(type(self))
        unset = [one for one in (*self.learned, "n_features_in_") if not hasattr(self, one)]
        if unset:
            raise L2HError(f"{name}: fit did not set {', '.join(unset)} (`training_features` sets n_features_in_)")
        arrays = {one: np.asarray(getattr(self, one)) for one in self.learned}
        try:
            clone(self).restore(arrays, self.n_features_in_)
        except (AttributeError, IndexError, TypeError, ValueError) as error:
            cure = "mend its fit, its scores, or the names in `learned`"
            place = plugins.place_of(error)
            fault = f"{line(error)} ({place})" if place else line(error)
            raise L2HError(f"{name}: what fit set makes no model: {fault}; {cure}") from error
        description = {
            "method": name,
            "params": self.get_params(),
            "n_features_in": self.n_features_in_,
            "l2h_version": l2h.__version__,
            "data": dict(data or {}),
            **self.notes(),
        }
        write_model(folder, description, arrays)

    def notes(self) -> dict[str, Any]:
        """What `model.json` tells beside this of how the model came about; no part of the model."""
        return {}

    def restore(self, arrays: Mapping[str, NDArray], n_features_in: int) -> None:
        """Set what `fit` learned; raise ValueError unless the arrays are the method's own; subclasses check more."""
        if set(arrays) != set(self.learned):
            raise ValueError(f"arrays {', '.join(sorted(self.learned))} expected, {', '.join(sorted(arrays))} found")
        if not is_count(n_features_in):
            raise ValueError(f"n_features_in must be a whole number from 1, got {n_features_in!r}")
        for name, array in arrays.items():
            if not np.isfinite(array).all():
                raise ValueError(f"{name} holds values that are not finite")
            setattr(self, name, array)
        self.n_features_in_ = n_features_in

    def training_features(self, X: ArrayLike, dtype: Any = (np.float64, np.float32)) -> NDArray:
        """What `fit` begins with: parameters checked, X as a finite float array (n >= 2, d), d remembered."""
        self.check_params()
        return validate_data(self, X, dtype=dtype, ensure_min_samples=2)

    def _checked(self, X: ArrayLike) -> NDArray:
        """Features for a fitted method: float, finite, as many as it was fitted on."""
        check_is_fitted(self)
        return validate_data(self, X, dtype=(np.float64, np.float32), reset=False)


class Hasher(TransformerMixin, FittedMethod):
    """Features, float (n, d), to binary codes of `bits` bits.

    A subclass gives `fit`, `decision_function`, and the class attribute `learned`.
    """

    @abstractmethod
    def decision_function(self, X: ArrayLike) -> NDArray:
        """Real-valued scores, float (n, bits), whose signs are the code."""

    def transform(self, X: ArrayLike) -> NDArray[np.uint8]:
        """Packed codes, uint8 (n, ceil(bits / 8)): `l2h.codes.pack(decision_function(X) > 0)`."""
        return codes.pack(self.decision_function(X) > 0)

    def restore(self, arrays: Mapping[str, NDArray], n_features_in: int) -> None:
        """Set what `fit` learned; raise ValueError unless the arrays are the method's own and work."""
        super().restore(arrays, n_features_in)
        # without values, a shape may be any and yet take no byte of the file
        if not any(array.size and n_features_in in array.shape for array in arrays.values()):
            raise ValueError(f"n_features_in is {n_features_in}, which no array's shape shows")
        try:
            scores = self.decision_function(np.zeros((1, n_features_in), dtype=np.float32))
        except IndexError as error:
            raise ValueError(f"its arrays do not fit each other: {error}") from error
        if scores.shape != (1, self.bits):
            raise ValueError(f"it gives scores of shape {scores.shape}, (1, {self.bits}) expected")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = []
        return tags


class LinearHasher(Hasher):
    """A hasher whose scores are (X - mean_) @ projection_ + intercept_."""

    learned = ("mean_", "projection_", "intercept_")
    mean_: NDArray
    projection_: NDArray
    intercept_: NDArray

    def decision_function(self, X: ArrayLike) -> NDArray:
        """Scores, float (n, bits)."""
        return (self._checked(X) - self.mean_) @ self.projection_ + self.intercept_


def require_method(name: str, cls: type) -> None:
    """Raise L2HError, with the cure, unless a class is what a plug-in's method must be; it is made, but not used."""
    what, cure = f"{name}: the class {cls.__name__}", "see docs/how-to/own-method.md"
    if not issubclass(cls, FittedMethod):
        bases = "LinearHasher or Hasher of l2h.hashing.base, or Scorer of l2h.hashing.scorer"
        raise L2HError(f"{what} must be a subclass of {bases}")
    # scikit-learn's base has no metaclass that would ask for what is abstract
    missing = [part for part in dir(cls) if getattr(getattr(cls, part, None), "__isabstractmethod__", False)]
    missing += [] if hasattr(cls, "learned") else ["learned"]
    if missing:
        raise L2HError(f"{what} lacks {', '.join(missing)}, which its base leaves to it; {cure}")
    try:
        signature(cls.fit).bind("self", "X", "y")
    except TypeError:
        raise L2HError(f"{what} must have a `fit(self, X, y=None)`, it has `fit{signature(cls.fit)}`") from None
    known = signature(cls).parameters
    if not known.keys() >= {"bits", "random_state"}:
        raise L2HError(
            f"{name}: its __init__ must take `bits` and `random_state`, it takes {', '.join(known) or 'none'}"
        )
    given: dict[str, Any] = {parameter: object() for parameter in known}
    try:
        kept = vars(cls(**given))
    except Exception as error:
        raise L2HError(f"{what} must store its parameters as they are, no more, in __init__: {line(error)}") from error
    for parameter, value in given.items():
        if kept.get(parameter) is not value:
            raise L2HError(f"{what} must store its parameter as it is: `self.{parameter} = {parameter}` in __init__")


def is_count(value: Any) -> bool:
    """Whether a parameter is a whole number from 1."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool) and bool(value >= 1)


def is_number(value: Any) -> bool:
    """Whether a parameter is a finite number."""
    return isinstance(value, int | float | np.number) and not isinstance(value, bool) and bool(np.isfinite(value))


def require(condition: bool, name: str, value: Any, allowed: str) -> None:
    """Raise a ValueError that names parameter, value and what is allowed, unless the condition holds."""
    if not condition:
        texts = [one for one in (value if isinstance(value, tuple) else (value,)) if isinstance(one, str)]
        powers = [text for text in texts if re.fullmatch(r"[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+", text)]
        cure = "; YAML takes it for text: write a point and a sign, as in 1.0e-3" if powers else ""
        raise ValueError(f"{name} must be {allowed}, got {value!r}{cure}")


def multi_hot(y: ArrayLike | None, n: int, method: str) -> NDArray[np.bool_]:
    """Labels of n images, int (n,) classes or multi-hot (n, c), as bool (n, c); L2HError where they are neither."""
    if y is None:
        raise L2HError(f"requires y to be passed, but the target y is None: {method} is supervised")
    labels = np.asarray(y)
    if len(labels) != n or labels.ndim not in (1, 2):
        raise L2HError(f"y has the shape {labels.shape}; ({n},) classes or ({n}, c) multi-hot expected")
    if labels.ndim == 1:
        classes, index = np.unique(labels, return_inverse=True)
        return np.eye(len(classes), dtype=bool)[index]
    if not np.isin(labels, (0, 1)).all():
        raise L2HError("y of two dimensions is multi-hot, so it holds 0 and 1 alone; give classes as one dimension")
    return labels.astype(bool)
