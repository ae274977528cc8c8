"""Exact search on the features: what codes are compared with to say what they lose."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from l2h import exact_search
from l2h.hashing.scorer import Scorer


@dataclass(kw_only=True, eq=False, repr=False)
class Exact(Scorer):
    """Exact search on features; nothing is learned, and nothing is random.

    Parameters
    ----------
    bits, random_state : without effect; all methods have them. The workflow says 0 bits, as there is no code

    Notes
    -----
    **Pitfalls.**

    - It is no upper bound: supervised codes use labels, and can rank better than the features they are made of.
    - Tables show the size of the features of one image as its `bits`.
    """

    kind = "exact"
    deterministic = True
    learned: ClassVar[tuple[str, ...]] = ()

    bits: int = 0

    def check_bits(self) -> None:
        """Accept any `bits`."""

    def lengths_and_seeds(
        self, dataset: str, protocol: str, bits: Sequence[int], seeds: Sequence[int]
    ) -> list[tuple[int, int]]:
        """One result, whatever the config's code lengths and seeds are: length 0, first seed."""
        return [(0, seeds[0])]

    def fit(self, X: ArrayLike, y: ArrayLike | None = None) -> Self:
        """Note the number of features."""
        self.training_features(X)
        return self


class Cosine(Exact):
    """Cosine of the angle between features; 0 where either is the zero vector.

    Its mAP shows what codes of the same features lose.

    Notes
    -----
    **Formula.** `<q, x> / (|q| |x|)`, in float64; features are not centred.

    Examples
    --------
    >>> from l2h import hashing
    >>> X = [[1.0, 0.0], [0.0, 2.0], [3.0, 0.0]]
    >>> hashing.make("cosine", bits=0).fit(X).scores([[2.0, 0.0]], X).tolist()
    [[1.0, 0.0, 1.0]]
    """

    def scores(self, queries: ArrayLike, database: ArrayLike) -> NDArray[np.float64]:
        """Cosines, float64 (q, m)."""
        return exact_search.cosine(self._checked(queries), self._checked(database))


class L2(Exact):
    """Euclidean distance of features.

    Its mAP shows what codes of the same features lose.

    Notes
    -----
    **Formula.** `2 <q, x> - |x|^2`, in float64: the negative squared distance, up to a constant for each query.

    Examples
    --------
    >>> from l2h import hashing
    >>> X = [[1.0, 0.0], [0.0, 2.0], [3.0, 0.0]]
    >>> scores = hashing.make("l2", bits=0).fit(X).scores([[2.0, 0.0]], X)
    >>> (-scores).argsort(stable=True).tolist()  # the nearest first
    [[0, 2, 1]]
    """

    def scores(self, queries: ArrayLike, database: ArrayLike) -> NDArray[np.float64]:
        """Squared distances, with their sign turned, up to a constant for each query; float64 (q, m)."""
        return exact_search.l2(self._checked(queries), self._checked(database))
