"""Central similarity quantization.

Yuan, Wang, Zhang, Tay, Jie, Liu and Feng, "Central Similarity Quantization for Efficient Image and Video Retrieval",
CVPR 2020, https://arxiv.org/abs/1908.00347.
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

    `mean of softplus(-2 * t * u) + alpha * mean of (|tanh u| - 1)^2`, where t is the centre of the image's class. The
    first term is the binary cross-entropy of `(tanh u + 1) / 2` and `(t + 1) / 2`, in a form that cannot overflow.

    Parameters
    ----------
    labels, bits, centres : see `CentreLoss`
    alpha, ties : see `CSQ`
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

    The centres are fixed before training: codes of -1 and 1, far from each other.

    Parameters
    ----------
    alpha : weight of the penalty on tanh(u); published values are 0.05 (ResNet50) to 0.0001
    ties : for target bits on which the centres of an image's labels are split evenly. "ignore" omits them from the
        first term. "shared" copies them from one random code for all images, as published, which makes images with
        different labels similar

    Notes
    -----
    **Multi-label.** The target is the majority of the centres of the image's labels, bit by bit. With two labels, half
    of the bits are tied on average.

    **Pitfalls.**

    - The published centres repeat bits: with 10 classes, only 16 differ at any length; see
      `docs/explanation/findings.md`.
    - DeepHash-pytorch takes `argmax` of the labels, the first label of each image, on all datasets but `nuswide_21`,
      `nuswide_21_m` and `coco`: wrong for its other datasets of several labels.
    - If DeepHash-pytorch draws no random centres that are far enough apart, it silently keeps the last draw. Here that
      is an error.

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
