"""Methods that learn by gradient descent: estimator without torch, which only `fit` imports."""

import logging
from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_random_state

from l2h.errors import L2HError
from l2h.hashing.base import LinearHasher, is_count, is_number, require

if TYPE_CHECKING:
    import torch

    from l2h.hashing.training import Loss

NEAR_CONSTANT = 0.99


class DeepHasher(LinearHasher):
    """A hash layer on frozen features, trained with Adam on a method's loss.

    The layer sees features centred and divided by one common scale; both are folded into what is learned. A loss that
    looks at features itself gets them as they are.

    Attributes
    ----------
    supervised : whether the loss needs labels

    Parameters
    ----------
    bits : code length
    scope : "linear", one linear layer
    epochs, batch_size, lr, weight_decay : of the training
    device : "auto", "cpu" or "cuda"
    random_state : of initialisation and batches
    """

    scopes = ("linear",)
    fit_imports = ("l2h.hashing.training", "l2h.device", "l2h.progress")
    supervised: ClassVar[bool] = True

    def __init__(
        self,
        bits: int,
        scope: str,
        epochs: int,
        batch_size: int,
        lr: float,
        weight_decay: float,
        device: str,
        random_state: int | None,
    ):
        self.bits = bits
        self.scope = scope
        self.epochs = epochs
        self.batch_size = batch_size
        self.lr = lr
        self.weight_decay = weight_decay
        self.device = device
        self.random_state = random_state

    def check_params(self) -> None:
        """Raise ValueError for a value that makes no sense."""
        super().check_params()
        require(self.scope in self.scopes, "scope", self.scope, f"one of {', '.join(self.scopes)}")
        require(is_count(self.epochs), "epochs", self.epochs, "a whole number from 1")
        require(is_count(self.batch_size) and self.batch_size > 1, "batch_size", self.batch_size, "at least 2")
        require(is_number(self.lr) and self.lr > 0, "lr", self.lr, "a number above 0")
        require(is_number(self.weight_decay) and self.weight_decay >= 0, "weight_decay", self.weight_decay, "from 0")
        require(self.device in ("auto", "cpu", "cuda"), "device", self.device, "auto, cpu or cuda")

    @abstractmethod
    def loss(self, labels: "torch.Tensor | None") -> "Loss":
        """The loss for training rows with these labels, float (n, c) multi-hot, or None if not supervised."""

    def fit(self, X: ArrayLike, y: ArrayLike | None = None) -> Self:
        """Train on X (n, d) with labels y, int (n,) classes or bool (n, c) multi-hot."""
        from l2h.hashing.training import train_linear

        data = self.training_features(X, np.float32)
        labels = self._multi_hot(y, len(data)) if self.supervised else None
        self.mean_ = data.mean(axis=0, dtype=np.float64).astype(np.float32)
        centred = data - self.mean_
        scale = np.sqrt(np.mean(centred**2, dtype=np.float64)).astype(np.float32) or np.float32(1)
        weight, bias = train_linear(
            centred / scale,
            data,
            labels,
            self.loss,
            bits=self.bits,
            epochs=self.epochs,
            batch_size=self.batch_size,
            lr=self.lr,
            weight_decay=self.weight_decay,
            device=self.device,
            seed=int(check_random_state(self.random_state).randint(2**31)),
        )
        self.projection_ = weight.T / scale
        self.intercept_ = bias
        self._warn_of_collapse(data)
        return self

    def _multi_hot(self, y: ArrayLike | None, n: int) -> NDArray[np.float32]:
        if y is None:
            raise L2HError(f"requires y to be passed, but the target y is None: {type(self).__name__} is supervised")
        labels = np.asarray(y)
        if len(labels) != n or labels.ndim not in (1, 2):
            raise L2HError(f"y has the shape {labels.shape}; ({n},) classes or ({n}, c) multi-hot expected")
        if labels.ndim == 1:
            classes, index = np.unique(labels, return_inverse=True)
            return np.eye(len(classes), dtype=np.float32)[index]
        if not np.isin(labels, (0, 1)).all():
            raise L2HError("y of two dimensions is multi-hot, so it holds 0 and 1 alone; give classes as one dimension")
        return labels.astype(np.float32)

    def _warn_of_collapse(self, data: NDArray) -> None:
        share = (self.decision_function(data) > 0).mean(axis=0)
        constant = np.flatnonzero(np.maximum(share, 1 - share) >= NEAR_CONSTANT).tolist()
        if constant:
            logging.getLogger("l2h").warning(
                "%s: %d of %d bits are near-constant on the training data (bits %s); try a lower lr",
                type(self).__name__,
                len(constant),
                self.bits,
                constant,
            )

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = self.supervised
        return tags
