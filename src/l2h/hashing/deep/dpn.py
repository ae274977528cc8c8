"""Deep polarized network.

Fan, Ng, Ju, Zhang and Chan, "Deep Polarized Network for Supervised Learning of Accurate Binary Hashing Codes",
IJCAI 2020.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from l2h.hashing.deep.labelled import CentreHasher, CentreLoss
from l2h.hashing.parameters import is_number, require

if TYPE_CHECKING:
    import torch


class DPNLoss(CentreLoss):
    """A hinge loss that pushes each output beyond a margin, with the sign of the class's centre.

    `mean over images of the sum over bits and labels of max(margin - u * t, 0)`, where t is the label's centre.

    Parameters
    ----------
    labels, bits, centres : see `CentreLoss`
    margin : see `DPN`
    """

    def __init__(self, labels: "torch.Tensor", bits: int, *, centres: str, margin: float):
        super().__init__(labels, bits, centres)
        self.margin = margin

    def on_labelled(self, outputs: "torch.Tensor", labels: "torch.Tensor") -> "torch.Tensor":
        """The loss of outputs, float (m, bits), with labels, float (m, c) multi-hot, one or more each."""
        positive = (1 + self.centres) / 2
        above, below = labels @ positive, labels @ (1 - positive)  # how many labels want 1, and -1
        hinges = above * (self.margin - outputs).clamp(min=0) + below * (self.margin + outputs).clamp(min=0)
        return hinges.sum(dim=1).mean()


@dataclass(kw_only=True, eq=False, repr=False)
class DPN(CentreHasher):
    """Deep polarized network: a hinge loss on each bit, with the class's centre as target.

    Bits on the right side of the threshold, beyond a margin, have no loss. `csq` has a smooth loss for the same aim.

    Parameters
    ----------
    margin : outputs beyond it have no loss; 1 in the authors' code

    Notes
    -----
    **Multi-label.** The hinges to the centres of all labels are added. Where the centres are split evenly, the loss is
    the same for all outputs from -margin to margin, so such bits are noise.

    **Pitfalls.**

    - DeepHash-pytorch uses CSQ's vote on `nuswide_21`, `nuswide_21_m` and `coco`, and `argmax` of the labels, the first
      label of each image, on its other datasets.
    - It averages over bits instead of adding them up, so its loss is `bits` times smaller.
    - Its variant DPN-T takes the signs of the outputs before the loss, which leaves no gradient.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from l2h import hashing
    >>> X, y = load_digits(return_X_y=True)
    >>> dpn = hashing.make("dpn", bits=16, lr=0.01, epochs=2, validation=0, random_state=0).fit(X, y)
    >>> dpn.transform(X).shape
    (1797, 2)
    """

    margin: float = 1.0

    def check_params(self) -> None:
        """Raise ValueError for an invalid parameter."""
        super().check_params()
        require(is_number(self.margin) and self.margin > 0, "margin", self.margin, "a number above 0")

    def loss(self, labels: "torch.Tensor | None") -> DPNLoss:
        """The loss on labels, float (n, c)."""
        assert labels is not None  # supervised
        return DPNLoss(labels, self.bits, centres=self.centres, margin=self.margin)
