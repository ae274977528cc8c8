"""Base class of methods that learn by gradient descent; only `fit` imports torch."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_random_state
from sklearn.utils.validation import validate_data

from l2h import extras
from l2h.errors import L2HError
from l2h.hashing import FULL
from l2h.hashing.base import Hasher
from l2h.hashing.labels import multi_hot
from l2h.hashing.parameters import is_count, is_number, require

if TYPE_CHECKING:
    import torch

    from l2h.hashing.deep.training import Loss

Numbers = float | tuple[float, ...]

_NO_LAYER = np.empty((0, 0), np.float32), np.empty(0, np.float32)


@dataclass(kw_only=True, eq=False, repr=False)
class DeepHasher(Hasher):
    """A head on frozen features, trained with Adam on a method's loss.

    The head is a linear layer, or one hidden layer of ReLU units and a linear layer. Its inputs are features centred
    and divided by one common scale; both are folded into the learned weights. A loss that uses features gets them
    unchanged.

    A subclass defines `loss`, its own parameters, and defaults that differ.

    Attributes
    ----------
    supervised : whether the loss needs labels
    batch_norm : whether a batch norm follows the hash layer in training; it is folded into the learned weights
    backbone_lr : at scope full, the default of the backbone's learning rate, as a share of lr; 0 freezes the backbone
    selection_ : the choice and its validation curves; None without a validation part, and after `load`

    Parameters
    ----------
    bits : code length
    scope : "linear", "mlp" for a hidden layer, or "auto" for the better of the two; "full" is not trained by `fit`
    hidden : units of the hidden layer, a number or several to choose from; one number at scope full, 0 for none
    epochs : number of training epochs; the maximum, with a validation part. Raise it if the best epoch is near the last
    lr : learning rate, a number or several to choose from. Add lower ones if a training diverges
    validation : share of the training images held out for validation; 0 to train on all of them, with one head and
        one lr, to the last epoch
    batch_size : maximum number of images in a batch. A loss on pairs inside the batch sees more pairs in larger ones
    weight_decay : share of each weight that is added to its gradient
    flip : train on mirrored images too, each image mirrored at random each time it is used; None to mirror if the
        dataset allows it (`Dataset.flips`) and, in `fit`, if their features are given
    device : "auto", "cpu" or "cuda"
    random_state : seed of the validation part, initialisation and batches

    Notes
    -----
    **Scopes.** At `linear`, `mlp` and `auto`, a head is trained on extracted features. At `full`, the network is
    trained on images: backbone and head, with one head and one lr. Methods without labels keep the backbone frozen by
    default.

    **Scope full.** Adam's learning rates fall to 0 along a cosine. The defaults of `hidden`, `epochs` and `lr` are
    other ones, which `l2h methods NAME` lists; see `docs/how-to/end-to-end.md`.

    **Validation.** Each head is trained at each lr, and scored after each epoch by the mean average precision of the
    validation images' codes, each image a query for all others. The best head is used, as it is after its best epoch.
    The lower loss breaks ties. A method without labels is scored by minus its loss. If the validation part would be too
    small, or no two of its images share a label, the first head is trained on all images at the first lr to the last
    epoch, with a warning.

    **Labels.** `fit` takes a class for each image, or multi-hot labels. Two images are similar if they share a label.
    An image without a label is similar to none in a loss on pairs, and omitted from a loss on classes or centres.

    **Batch norm.** `orthohash` and `sdc` have a batch norm after the hash layer in training. It is folded into that
    layer. At scopes without the backbone, its mean and variance are computed after each epoch from all images trained
    on: the usual running values lag behind in a short training.

    **Signs.** A bit is 1 if its output is above 0. An output of exactly 0 is bit 0, and -1 inside losses; `torch.sign`
    would return 0 there, which is no bit.
    """

    scopes = ("linear", "mlp", "auto", FULL)
    learned: ClassVar[tuple[str, ...]] = (
        "mean_",
        "hidden_projection_",
        "hidden_intercept_",
        "projection_",
        "intercept_",
    )
    supervised: ClassVar[bool] = True
    batch_norm: ClassVar[bool] = False
    backbone_lr: ClassVar[float] = 0.1
    selection_ = None

    scope: str = "linear"
    hidden: Numbers = 512
    epochs: int = 30
    lr: Numbers = (1e-3, 3e-4)
    validation: float = 0.1
    batch_size: int = 128
    weight_decay: float = 1e-5
    flip: bool | None = None
    device: str = "auto"

    def check_params(self) -> None:
        """Raise ValueError for an invalid parameter."""
        super().check_params()
        require(self.scope in self.scopes, "scope", self.scope, f"one of {', '.join(self.scopes)}")
        widths = [width for width in several(self.hidden) if width != 0 or self.scope != FULL]
        whole = all(map(is_count, widths)) and len(several(self.hidden)) > 0
        require(whole, "hidden", self.hidden, "a positive integer, or several")
        require(is_count(self.epochs), "epochs", self.epochs, "a positive integer")
        positive = all(is_number(lr) and lr > 0 for lr in several(self.lr)) and len(several(self.lr)) > 0
        require(positive, "lr", self.lr, "a number above 0, or several")
        share = is_number(self.validation) and 0 <= self.validation <= 0.5
        require(share, "validation", self.validation, "a share from 0 to 0.5")
        one = len(self.heads()) == 1 and len(several(self.lr)) == 1
        require(
            self.validation > 0 or one, "validation", self.validation, "above 0 to choose among several lr or heads"
        )
        require(one or self.scope != FULL, "lr and hidden", (self.lr, self.hidden), "one number each at scope full")
        require(is_count(self.batch_size) and self.batch_size > 1, "batch_size", self.batch_size, "at least 2")
        require(is_number(self.weight_decay) and self.weight_decay >= 0, "weight_decay", self.weight_decay, "from 0")
        known = self.flip is None or isinstance(self.flip, bool)
        require(known, "flip", self.flip, "true, false, or null for the dataset's default")
        require(self.device in ("auto", "cpu", "cuda"), "device", self.device, "auto, cpu or cuda")

    @abstractmethod
    def loss(self, labels: "torch.Tensor | None") -> "Loss":
        """The loss for training rows with these labels, float (n, c) multi-hot, or None if not supervised."""

    def fit(self, X: ArrayLike, y: ArrayLike | None = None, mirrored: ArrayLike | None = None) -> Self:
        """Train on X (n, d) with labels y, int (n,) classes or bool (n, c) multi-hot.

        Parameters
        ----------
        mirrored : features (n, d) of the same images, mirrored left to right
        """
        extras.require("torch")
        from l2h.hashing.deep.training import Trainer, folded

        if self.scope == FULL:
            raise L2HError("scope full is trained from images, not from features; see l2h.hashing.deep.finetuning")
        data = self.training_features(X, np.float32)
        agree = self.flip is None or self.flip == (mirrored is not None)
        require(agree, "flip", self.flip, "true with features of mirrored images, false without, or null for both")
        labels = multi_hot(y, len(data), type(self).__name__).astype(np.float32) if self.supervised else None
        views = data[None] if mirrored is None else np.stack([data, self._checked_mirrored(mirrored, data)])
        self.mean_ = data.mean(axis=0, dtype=np.float64).astype(np.float32)
        centred = views - self.mean_
        scale = np.sqrt(np.mean(centred[0] ** 2, dtype=np.float64)).astype(np.float32) or np.float32(1)
        trainer = Trainer(
            centred / scale,
            views,
            labels,
            self.loss,
            bits=self.bits,
            batch_size=self.batch_size,
            weight_decay=self.weight_decay,
            device=self.device,
            seed=int(check_random_state(self.random_state).randint(2**31)),
            batch_norm=self.batch_norm,
            kept=self.kept(),
        )
        heads, rates = self.heads(), several(self.lr)
        head: Any
        if self.validation:
            from l2h.hashing.deep.selection import select

            head, self.selection_ = select(trainer, self.validation, heads, rates, self.epochs)
        else:
            head, self.selection_ = trainer.train(np.arange(len(data)), heads[0], rates[0], self.epochs), None
        for name in self.kept():
            setattr(self, name, head.get_buffer(name).cpu().numpy())
        linear: Any = folded(head)[::2]
        layers = [(layer.weight.detach().cpu().numpy().T, layer.bias.detach().cpu().numpy()) for layer in linear]
        layers[0] = layers[0][0] / scale, layers[0][1]
        hidden: tuple[NDArray, NDArray] = layers[0] if len(layers) > 1 else _NO_LAYER
        self.hidden_projection_, self.hidden_intercept_ = hidden
        self.projection_, self.intercept_ = layers[-1]
        return self

    def _checked_mirrored(self, mirrored: ArrayLike, data: NDArray[np.float32]) -> NDArray[np.float32]:
        checked = validate_data(self, mirrored, dtype=np.float32, reset=False)
        if len(checked) != len(data):
            raise ValueError(f"mirrored has features of {len(checked)} images, X of {len(data)}; pass the same images")
        return checked

    def decision_function(self, X: ArrayLike) -> NDArray:
        """Scores, float (n, bits)."""
        values = self._checked(X) - self.mean_
        if self.hidden_intercept_.size:
            values = np.maximum(values @ self.hidden_projection_ + self.hidden_intercept_, 0)
        return values @ self.projection_ + self.intercept_

    def notes(self) -> dict[str, Any]:
        """The record of how head, learning rate and number of epochs were chosen."""
        return {"selection": self.selection_}

    @classmethod
    def kept(cls) -> list[str]:
        """Names in `learned` that come from the loss, not the head: `name_` is the loss's tensor `name`."""
        return [name for name in cls.learned if name not in DeepHasher.learned]

    def heads(self) -> tuple[int, ...]:
        """Widths of the hidden layer to choose from, 0 for a linear head."""
        widths = several(self.hidden)
        return {"linear": (0,), "mlp": widths, "auto": (0, *widths), FULL: widths}[self.scope]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = self.supervised
        return tags


def several(value: Any) -> tuple:
    """Convert one value or several to a tuple."""
    return tuple(value) if isinstance(value, tuple | list) else (value,)
