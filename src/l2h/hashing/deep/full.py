"""Scope `full`: a deep method that trains the backbone too, end to end from images. Only `finetuning` imports torch."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from inspect import signature
from typing import Any

from l2h import hashing
from l2h.errors import L2HError
from l2h.hashing import FULL
from l2h.hashing.deep.base import DeepHasher, several
from l2h.hashing.parameters import is_count, is_number, require

DEFAULTS = {"hidden": 0, "epochs": 50, "lr": 3e-4}  # override the method's defaults


@dataclass(frozen=True)
class FullMethod:
    """A deep method, and the parameters that only end-to-end training has.

    Attributes
    ----------
    method : the method, with bits, loss, and all parameters that the scopes share; its scope is "full"
    backbone_lr : learning rate of the backbone, as a share of `lr`, usually a tenth; 0 freezes it in eval mode, as
        Bi-half's authors do. A loss that uses features gets the backbone's activations, detached
    patience : training stops after so many epochs without a better validation score
    crop : train on random crops of the network's input size, from images that are a seventh larger (256 for 224);
        if false, and for encoding, the whole image is scaled to the input size
    train_from : one of the backbone's `starts`; what is before it stays as it is, and its activations of each training
        image and its mirror image are computed only once, which saves most of the time. Whole images are used, as if
        `crop` were false
    """

    method: DeepHasher
    backbone_lr: float
    patience: int = 10
    crop: bool = True
    train_from: str | None = None

    @property
    def hidden(self) -> int:
        """Units of the head's hidden layer, 0 for none."""
        return self.method.heads()[0]

    @property
    def lr(self) -> float:
        """The head's learning rate."""
        return several(self.method.lr)[0]

    def check_params(self) -> None:
        """Raise ValueError for an invalid parameter; the method has checked its own."""
        share = is_number(self.backbone_lr) and self.backbone_lr >= 0
        require(share, "backbone_lr", self.backbone_lr, "a share of lr from 0")
        require(is_count(self.patience), "patience", self.patience, "a positive integer")
        require(isinstance(self.crop, bool), "crop", self.crop, "true or false")
        start = self.train_from is None or isinstance(self.train_from, str)
        require(start, "train_from", self.train_from, "null or the name of a layer")

    def get_params(self) -> dict[str, Any]:
        """All parameters by name, including those of the method."""
        return {**self.method.get_params(), **{name: getattr(self, name) for name in _OWN}}

    def lengths_and_seeds(
        self, dataset: str, protocol: str, bits: Sequence[int], seeds: Sequence[int]
    ) -> list[tuple[int, int]]:
        """As `Method.lengths_and_seeds`."""
        return self.method.lengths_and_seeds(dataset, protocol, bits, seeds)


_OWN = [field.name for field in fields(FullMethod) if field.name != "method"]


def make(name: str, *, bits: int, random_state: int | None = None, **params: Any) -> FullMethod:
    """The method `name` at scope full; like `l2h.hashing.make`, with the parameters of `FullMethod` too."""
    cls = hashing.registry.get(name)
    if not issubclass(cls, DeepHasher):
        raise L2HError(f"{name} has no scope full: it learns nothing by gradient descent")
    hashing.refuse_unknown(name, params, {*signature(cls).parameters, *_OWN} - {"bits", "random_state"})
    own = {key: params.pop(key) for key in _OWN if key in params}
    method = hashing.make(name, bits=bits, random_state=random_state, **{**DEFAULTS, **params, "scope": FULL})
    full = FullMethod(method, **{"backbone_lr": cls.backbone_lr, **own})
    try:
        full.check_params()
    except ValueError as error:
        raise L2HError(f"{name}: {error}") from error
    return full
