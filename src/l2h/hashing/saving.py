"""Save what `fit` learned to a folder, without pickle, and restore it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, clone
from sklearn.utils.validation import check_is_fitted

import l2h
from l2h import plugins
from l2h.errors import L2HError, line
from l2h.hashing import registry
from l2h.hashing.parameters import is_count
from l2h.store.models import write_model


class SavedEstimator(BaseEstimator):
    """An estimator that saves its parameters as JSON, and the arrays that `fit` sets as safetensors.

    Attributes
    ----------
    learned : names of the arrays that `fit` sets and `save` writes
    """

    learned: ClassVar[tuple[str, ...]]

    def save(self, folder: str | Path, data: Mapping[str, Any] | None = None) -> None:
        """Write `model.json` and `model.safetensors`.

        Parameters
        ----------
        data : what the model was trained on, kept for provenance

        Raises
        ------
        L2HError
            the class is not registered, or the arrays that `fit` set are incomplete or invalid
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
            cure = "fix its fit, its scores, or the names in `learned`"
            place = plugins.place_of(error)
            fault = f"{line(error)} ({place})" if place else line(error)
            raise L2HError(f"{name}: the arrays of fit are not a valid model: {fault}; {cure}") from error
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
        """Further entries of `model.json` about the training, which are not part of the model."""
        return {}

    def restore(self, arrays: Mapping[str, NDArray], n_features_in: int) -> None:
        """Restore what `fit` learned; raises ValueError for unexpected arrays; subclasses check more."""
        if set(arrays) != set(self.learned):
            raise ValueError(f"arrays {', '.join(sorted(self.learned))} expected, {', '.join(sorted(arrays))} found")
        if not is_count(n_features_in):
            raise ValueError(f"n_features_in must be a positive integer, got {n_features_in!r}")
        for name, array in arrays.items():
            if not np.isfinite(array).all():
                raise ValueError(f"{name} holds values that are not finite")
            setattr(self, name, array)
        self.n_features_in_ = n_features_in
