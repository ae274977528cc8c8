"""Losses on pairs of images, similar if they share a label."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

from l2h.hashing.deep.base import DeepHasher
from l2h.hashing.parameters import is_number, require

if TYPE_CHECKING:
    import torch

PAIRS = ("bank", "zero_bank", "batch")


def mean_of_kinds(losses: "torch.Tensor", similar: "torch.Tensor") -> "torch.Tensor":
    """Return the mean loss of similar pairs plus that of dissimilar pairs; 0 for a kind without pairs.

    Parameters
    ----------
    losses, similar : float and bool, of the same shape
    """
    total = losses.new_zeros(())
    for kind in (similar, ~similar):
        if kind.any():
            total = total + losses[kind].mean()
    return total


class LikelihoodLoss:
    """Logistic likelihood of "share a label", plus a penalty that pulls every output towards -1 or 1.

    `mean over pairs of softplus(theta) - s * theta`, with `theta = <u_i, u_j> / 2` and `s = 1` for pairs that share a
    label, plus `alpha` times `pull`. An image without labels shares none.

    Parameters
    ----------
    labels : float (n, c) multi-hot labels of the training set
    bits : code length
    alpha, pairs, balanced : see `LikelihoodHasher`
    """

    def __init__(self, labels: "torch.Tensor", bits: int, *, alpha: float, pairs: str, balanced: bool):
        self.labels = labels
        self.alpha = alpha
        self.balanced = balanced
        self.with_itself = pairs == "zero_bank"
        if pairs != "batch":
            self.bank = labels.new_zeros(len(labels), bits)
            self.seen = (labels.new_ones if pairs == "zero_bank" else labels.new_zeros)(len(labels)).bool()

    def __call__(
        self, outputs: "torch.Tensor", features: "torch.Tensor", rows: "torch.Tensor", epoch: int
    ) -> "torch.Tensor":
        """The batch's loss; see `l2h.hashing.deep.training.Loss`."""
        import torch
        from torch.nn.functional import softplus

        labels = self.labels[rows]
        if hasattr(self, "bank"):
            self.bank[rows], self.seen[rows] = outputs.detach(), True
            others, other_labels, counted, own = self.bank, self.labels, self.seen.repeat(len(rows), 1), rows
        else:
            own = torch.arange(len(rows), device=outputs.device)
            others, other_labels, counted = outputs, labels, torch.ones_like(labels @ labels.T, dtype=torch.bool)
        if not self.with_itself:
            counted.scatter_(1, own[:, None], False)
        theta, similar = outputs @ others.T / 2, labels @ other_labels.T > 0
        losses = softplus(theta) - similar * theta
        if self.balanced:
            likelihood = mean_of_kinds(losses[counted], similar[counted])
        else:
            likelihood = (losses * counted).sum() / counted.sum()
        return likelihood + self.alpha * self.pull(outputs)

    @abstractmethod
    def pull(self, outputs: "torch.Tensor") -> "torch.Tensor":
        """The penalty on outputs, float (m, bits), that are not -1 or 1."""


@dataclass(kw_only=True, eq=False, repr=False)
class LikelihoodHasher(DeepHasher):
    """A deep method whose loss is a `LikelihoodLoss`.

    Parameters
    ----------
    alpha : weight of the penalty; higher brings outputs nearer to -1 and 1
    pairs : "batch", pairs of different images in the batch; "bank", each batch against the latest outputs of all
        other training images used so far; "zero_bank", against those of the whole training set, including the image
        itself, 0 until an image was first used (published re-implementations): such a pair has loss ln 2 and no
        gradient
    balanced : give similar and dissimilar pairs equal weight in sum, as `hashnet` does; for many classes

    Notes
    -----
    **Multi-label.** Images are similar if they share a label, however many. With many labels an image, most pairs can
    be similar; `balanced` then raises the weight of the others.

    **Pitfalls.**

    - Some copies clamp theta, which removes the gradient of the worst pairs. Here softplus cannot overflow, and nothing
      is clamped.
    - theta grows with the code length, so a learning rate for 16 bits can be too high for 128.
    - The loss has no margin, and all images of an easy class can get the same code.
    """

    alpha: float = 0.1
    pairs: str = "bank"
    balanced: bool = False

    def check_params(self) -> None:
        """Raise ValueError for an invalid parameter."""
        super().check_params()
        require(is_number(self.alpha) and self.alpha >= 0, "alpha", self.alpha, "a number from 0")
        require(self.pairs in PAIRS, "pairs", self.pairs, f"one of {', '.join(PAIRS)}")
        require(isinstance(self.balanced, bool), "balanced", self.balanced, "true or false")

    @abstractmethod
    def loss(self, labels: "torch.Tensor | None") -> LikelihoodLoss:
        """The loss on labels, float (n, c)."""
