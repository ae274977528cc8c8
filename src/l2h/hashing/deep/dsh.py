"""Deep supervised hashing.

Liu, Wang, Shan and Chen, "Deep Supervised Hashing for Fast Image Retrieval", CVPR 2016.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from l2h.hashing.deep.base import DeepHasher
from l2h.hashing.parameters import is_number, require

if TYPE_CHECKING:
    import torch


class DSHLoss:
    """Contrastive loss on squared distances, plus a penalty that pulls every output towards -1 or 1.

    `mean over pairs of (1 - y) / 2 * d + y / 2 * max(margin - d, 0)`, with `d = ||u_i - u_j||^2` and `y = 1` for pairs
    that share no label, plus `alpha * mean over bits of | |u| - 1 |`.

    Parameters
    ----------
    labels : float (n, c) multi-hot labels of the training set
    bits : code length
    margin, alpha, pairs : see `DSH`
    """

    def __init__(self, labels: "torch.Tensor", bits: int, *, margin: float, alpha: float, pairs: str):
        self.labels = labels
        self.margin = margin
        self.alpha = alpha
        self.bank = labels.new_zeros(len(labels), bits) if pairs == "bank" else None

    def __call__(
        self, outputs: "torch.Tensor", features: "torch.Tensor", rows: "torch.Tensor", epoch: int
    ) -> "torch.Tensor":
        """The batch's loss; see `l2h.hashing.deep.training.Loss`."""
        labels = self.labels[rows]
        if self.bank is not None:
            self.bank[rows] = outputs.detach()
            others, other_labels = self.bank, self.labels
        else:
            others, other_labels = outputs, labels
        squares = (outputs**2).sum(1)[:, None] + (others**2).sum(1) - 2 * outputs @ others.T
        distance = squares.clamp(min=0)
        dissimilar = (labels @ other_labels.T == 0).to(outputs.dtype)
        loss = (1 - dissimilar) / 2 * distance + dissimilar / 2 * (self.margin - distance).clamp(min=0)
        if self.bank is None:
            n = len(outputs)
            pairwise = (loss.sum() - loss.diagonal().sum()) / (n * (n - 1))
        else:
            pairwise = loss.mean()
        return pairwise + self.alpha * (outputs.abs() - 1).abs().mean()


@dataclass(kw_only=True, eq=False, repr=False)
class DSH(DeepHasher):
    """Deep supervised hashing: contrastive loss on squared distances, with a penalty that pulls outputs to -1 and 1.

    Outputs of similar images are drawn together, those of dissimilar ones apart, up to a margin.

    Parameters
    ----------
    alpha : weight of the penalty; higher brings outputs nearer to -1 and 1
    margin : dissimilar pairs at a larger squared distance have no loss; None for the paper's 2 * bits
    pairs : "bank", each batch against the latest outputs of the whole training set, which are 0 until an image was
        first used (most re-implementations), or "batch", all pairs of two different images inside the batch (the paper)

    Notes
    -----
    **Multi-label.** Images are similar if they share a label, however many.

    **Pitfalls.**

    - Each pair has the same weight, so with many classes the dissimilar ones dominate.
    - In the first epoch, batches are compared with the zeros of a bank that is still filling.
    - The bank and the batch are two losses: results of the one do not reproduce those of the other.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from l2h import hashing
    >>> X, y = load_digits(return_X_y=True)
    >>> dsh = hashing.make("dsh", bits=16, lr=0.01, epochs=2, validation=0, random_state=0).fit(X, y)
    >>> dsh.transform(X).shape
    (1797, 2)
    """

    epochs: int = 60
    alpha: float = 0.1
    margin: float | None = None
    pairs: str = "bank"

    def check_params(self) -> None:
        """Raise ValueError for an invalid parameter."""
        super().check_params()
        require(is_number(self.alpha) and self.alpha >= 0, "alpha", self.alpha, "a number from 0")
        positive = self.margin is None or (is_number(self.margin) and self.margin > 0)
        require(positive, "margin", self.margin, "null (2 * bits) or a number above 0")
        require(self.pairs in ("bank", "batch"), "pairs", self.pairs, "bank or batch")

    def loss(self, labels: "torch.Tensor | None") -> DSHLoss:
        """The loss on labels, float (n, c)."""
        assert labels is not None  # supervised
        margin = 2 * self.bits if self.margin is None else self.margin
        return DSHLoss(labels, self.bits, margin=margin, alpha=self.alpha, pairs=self.pairs)
