"""Losses on the labels of single images, and on centres of classes."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from l2h.errors import L2HError
from l2h.hashing.centres import KINDS, class_centres
from l2h.hashing.deep.base import DeepHasher
from l2h.hashing.parameters import require

if TYPE_CHECKING:
    import torch


class LabelledLoss:
    """A loss that needs at least one label per image; images without labels are omitted.

    A subclass defines `on_labelled`.

    Parameters
    ----------
    labels : float (n, c) multi-hot labels of the training set

    Raises
    ------
    L2HError
        no image has a label
    """

    def __init__(self, labels: "torch.Tensor"):
        if not labels.any():
            raise L2HError("no training image has a label; use a method without labels, such as sdc or itq")
        self.labels = labels

    def __call__(
        self, outputs: "torch.Tensor", features: "torch.Tensor", rows: "torch.Tensor", epoch: int
    ) -> "torch.Tensor":
        """The batch's loss, 0 if no image has a label; see `l2h.hashing.deep.training.Loss`."""
        labels = self.labels[rows]
        labelled = labels.any(dim=1)
        if not labelled.any():
            return 0 * outputs.sum()
        return self.on_labelled(outputs[labelled], labels[labelled])

    @abstractmethod
    def on_labelled(self, outputs: "torch.Tensor", labels: "torch.Tensor") -> "torch.Tensor":
        """The loss of outputs, float (m, bits), with labels, float (m, c) multi-hot, one or more each."""


class CentreLoss(LabelledLoss):
    """A loss that compares outputs with fixed centres of classes.

    Parameters
    ----------
    labels : float (n, c) multi-hot labels of the training set
    bits : code length
    centres : kind of centres; see `l2h.hashing.centres.class_centres`

    Attributes
    ----------
    centres : -1 or 1, float (c, bits), drawn with torch's global generator
    """

    def __init__(self, labels: "torch.Tensor", bits: int, centres: str):
        import torch

        super().__init__(labels)
        rng = np.random.default_rng(int(torch.randint(2**62, ())))
        self.centres = torch.from_numpy(class_centres(labels.shape[1], bits, rng, centres)).to(labels)


@dataclass(kw_only=True, eq=False, repr=False)
class CentreHasher(DeepHasher):
    """A deep method whose loss is a `CentreLoss`.

    Attributes
    ----------
    centres_ : the centres of classes, -1 or 1, float (c, bits), in the order of the sorted classes or the labels

    Parameters
    ----------
    centres : kind of class centres. "separated": far from each other, with all bits different if the number of classes
        allows it. "first_rows", as published with CSQ: rows of a Hadamard matrix that repeat bits. "bernoulli", as
        published with OrthoHash and DPN: random bits, so two classes can have the same centre. Change it to reproduce
        a paper, or to "bernoulli" if there are too many classes for the code length
    """

    learned = (*DeepHasher.learned, "centres_")

    centres: str = "separated"

    def check_params(self) -> None:
        """Raise ValueError for an invalid parameter."""
        super().check_params()
        require(self.centres in KINDS, "centres", self.centres, f"one of {', '.join(KINDS)}")
