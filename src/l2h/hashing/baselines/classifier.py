"""A linear classifier whose predicted class is the code, the baseline that supervised hashing has to beat.

Sablayrolles, Douze, Usunier and Jegou, "How should we evaluate supervised hashing?", ICASSP 2017,
https://arxiv.org/abs/1609.06753. If relevant means "of the same class", and the classes are those of the training set,
the class number alone outranks most methods.
"""

import logging
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import hadamard
from sklearn.linear_model import LogisticRegression
from sklearn.utils import check_random_state

from l2h.errors import L2HError
from l2h.hashing.base import FittedMethod, Hasher
from l2h.hashing.labels import multi_hot
from l2h.hashing.parameters import is_count, is_number, require

CANDIDATES = 4096  # random words from which codewords are chosen; all words of up to 12 bits


@dataclass(kw_only=True, eq=False, repr=False)
class LogisticClassifier(FittedMethod):
    """Logistic regression on centred features of one common scale, which predicts a class.

    Parameters
    ----------
    C : inverse strength of the regularisation; lower it if there are few training images
    max_iter : maximum number of iterations of the optimiser; a log line says when it is reached

    Notes
    -----
    **Multi-label.** An image with several labels is one training example for each, with a share of its weight; the most
    probable label is predicted, so the others are lost. Images without a label are not used.
    """

    kind: ClassVar[str] = "baseline"
    learned: ClassVar[tuple[str, ...]] = ("mean_", "projection_", "intercept_")

    C: float = 1.0
    max_iter: int = 200

    def check_params(self) -> None:
        """Raise ValueError for an invalid parameter."""
        super().check_params()
        require(is_number(self.C) and self.C > 0, "C", self.C, "a number above 0")
        require(is_count(self.max_iter), "max_iter", self.max_iter, "a positive integer")

    def fit(self, X: ArrayLike, y: ArrayLike | None = None) -> Self:
        """Train on X (n, d) with labels y, int (n,) classes or bool (n, c) multi-hot; needs two classes."""
        data = self.training_features(X)
        labels = multi_hot(y, len(data), type(self).__name__)
        rows, classes = np.nonzero(labels)
        if len(np.unique(classes)) < 2:
            raise L2HError("a classifier needs training images of at least two classes; got one or none")
        self.mean_ = data.mean(axis=0)
        centred = data - self.mean_
        scale = np.sqrt(np.mean(centred**2)) or data.dtype.type(1)
        model = LogisticRegression(C=self.C, max_iter=self.max_iter, tol=1e-3)
        model.fit((centred / scale)[rows], classes, sample_weight=1 / labels.sum(axis=1)[rows])
        two = len(model.classes_) == 2  # of which scikit-learn keeps one side
        self.projection_ = (np.concatenate([-model.coef_, model.coef_]) if two else model.coef_).T / scale
        self.intercept_ = np.concatenate([-model.intercept_, model.intercept_]) if two else model.intercept_
        if model.n_iter_.max() >= self.max_iter:
            name = type(self).__name__
            logging.getLogger("l2h").info("%s: stopped after max_iter=%d iterations", name, self.max_iter)
        return self

    def predicted(self, X: ArrayLike) -> NDArray[np.intp]:
        """Return the most probable class of each image, int (n,), from 0 in the order of the classes trained on."""
        return ((self._checked(X) - self.mean_) @ self.projection_ + self.intercept_).argmax(axis=1)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags


class Classifier(LogisticClassifier, Hasher):
    """The code is the codeword of the class that logistic regression predicts.

    A supervised hash that does not beat it has learned only the class labels.

    Parameters
    ----------
    bits : code length, long enough for a codeword a class
    random_state : of the codewords, where these are random

    Notes
    -----
    **Formula.** `c_k` for the class k with the largest `<w_k, x - mean> + b_k`. The codewords c are rows of a Hadamard
    matrix, then their negatives, if `bits` is a power of 2 and at least half the number of classes; otherwise they are
    chosen one after the other, each far from those before.

    **Pitfalls.**

    - All images of a predicted class have the same code, so they are tied, and ranked without regard to similarity.
    - An image of a class that was not in the training set gets the code of one that was.

    Attributes
    ----------
    codewords_ : float (classes, bits), values -1 and 1

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from l2h import hashing
    >>> X, y = load_iris(return_X_y=True)
    >>> hasher = hashing.make("classifier", bits=8, random_state=0).fit(X, y)
    >>> len(set(map(bytes, hasher.transform(X))))  # one code for each class
    3
    """

    learned = (*LogisticClassifier.learned, "codewords_")

    def fit(self, X: ArrayLike, y: ArrayLike | None = None) -> Self:
        """Train on X (n, d) with labels y, int (n,) classes or bool (n, c) multi-hot; L2HError if bits are too few."""
        super().fit(X, y)
        rng = check_random_state(self.random_state)
        self.codewords_ = codewords(len(self.intercept_), self.bits, rng).astype(self.mean_.dtype)
        return self

    def decision_function(self, X: ArrayLike) -> NDArray:
        """The codeword of the most probable class, float (n, bits)."""
        return self.codewords_[self.predicted(X)]


def codewords(n: int, bits: int, rng: np.random.RandomState) -> NDArray[np.int64]:
    """Distinct words of `bits` bits, int (n, bits) of -1 and 1, that lie far from each other.

    Where `bits` is a power of 2 and at least n / 2, these are rows of a Hadamard matrix and then their opposites, at
    distances of bits / 2 or more; else each is the farthest from those before it among all words, or random ones.

    Raises
    ------
    L2HError
        there are fewer words than n
    """
    if 2**bits < n:
        raise L2HError(
            f"{n} classes need as many codewords, but {bits} bits give {2**bits}; ask for at least "
            f"{(n - 1).bit_length()} bits, or leave the classifier out"
        )
    if bits & (bits - 1) == 0 and n <= 2 * bits:
        rows = hadamard(bits)
        return np.concatenate([rows, -rows])[:n]
    count = max(CANDIDATES, 8 * n)
    if 2**bits <= count:
        words = 1 - 2 * (np.arange(2**bits)[:, None] >> np.arange(bits) & 1)
        words = words[rng.permutation(len(words))]
    else:
        words = rng.choice((-1, 1), size=(count, bits))
    nearest = np.full(len(words), bits)  # distance of each to what is chosen
    chosen = [0]
    while len(chosen) < n:
        nearest = np.minimum(nearest, (bits - words @ words[chosen[-1]]) // 2)
        chosen.append(int(nearest.argmax()))
    return words[chosen]
