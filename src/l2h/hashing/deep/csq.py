"""Central similarity quantization.

Yuan, Wang, Zhang, Tay, Jie, Liu and Feng, "Central Similarity Quantization for Efficient Image and Video Retrieval",
CVPR 2020.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from l2h.hashing.deep.labelled import CentreHasher, CentreLoss
from l2h.hashing.deep.signs import signs
from l2h.hashing.parameters import is_number, require

if TYPE_CHECKING:
    import torch


class CSQLoss(CentreLoss):
    """Logistic regression of each bit onto the image's target bit, plus a penalty that pulls tanh(u) to -1 and 1.

    `mean of softplus(-2 * t * u) + alpha * mean of (|tanh u| - 1)^2`. The first term is the binary cross-entropy of
    `(tanh u + 1) / 2` and `(t + 1) / 2`, in a form that cannot overflow.

    The target t is the centre of the image's class or, with several labels, the majority bits of their centres. Widely
    copied code uses argmax of the labels instead, the first label of each image, on several datasets.

    Parameters
    ----------
    labels, bits, centres : see `CentreLoss`
    alpha : weight of the second term
    ties : for target bits on which the centres are split evenly. "ignore" omits them from the first term. "shared"
        copies them from one random code for all images, as published, which makes images with different labels similar
    """

    def __init__(self, labels: "torch.Tensor", bits: int, *, centres: str, alpha: float, ties: str):
        import torch

        super().__init__(labels, bits, centres)
        self.alpha = alpha
        self.tied_bits = torch.zeros(bits) if ties == "ignore" else signs(torch.rand(bits) - 0.5)
        self.tied_bits = self.tied_bits.to(labels)

    def on_labelled(self, outputs: "torch.Tensor", labels: "torch.Tensor") -> "torch.Tensor":
        """The loss of outputs, float (m, bits), with labels, float (m, c) multi-hot, one or more each."""
        from torch.nn.functional import softplus

        votes = labels @ self.centres
        target = votes.sign().where(votes != 0, self.tied_bits)  # 0 for a bit that is ignored
        regression = (target.abs() * softplus(-2 * target * outputs)).mean()
        return regression + self.alpha * (outputs.tanh().abs() - 1).square().mean()


@dataclass(kw_only=True, eq=False, repr=False)
class CSQ(CentreHasher):
    """Central similarity quantization: each bit is pulled towards the bit of the class's centre.

    Parameters
    ----------
    alpha : weight of the penalty on tanh(u); published values are 0.05 (ResNet50) to 0.0001
    ties : "ignore" or "shared"; see `CSQLoss`

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from l2h import hashing
    >>> X, y = load_digits(return_X_y=True)
    >>> csq = hashing.make("csq", bits=16, lr=0.01, epochs=2, validation=0, random_state=0).fit(X, y)
    >>> csq.transform(X).shape
    (1797, 2)
    >>> csq.centres_.shape
    (10, 16)
    """

    alpha: float = 0.05
    ties: str = "ignore"

    def check_params(self) -> None:
        """Raise ValueError for an invalid parameter."""
        super().check_params()
        require(is_number(self.alpha) and self.alpha >= 0, "alpha", self.alpha, "a number from 0")
        require(self.ties in ("ignore", "shared"), "ties", self.ties, "ignore or shared")

    def loss(self, labels: "torch.Tensor | None") -> CSQLoss:
        """The loss on labels, float (n, c)."""
        assert labels is not None  # supervised
        return CSQLoss(labels, self.bits, centres=self.centres, alpha=self.alpha, ties=self.ties)
