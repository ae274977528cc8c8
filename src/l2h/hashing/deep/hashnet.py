"""HashNet.

Cao, Long, Wang and Yu, "HashNet: Deep Learning to Hash by Continuation", ICCV 2017.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from l2h.hashing.deep.base import DeepHasher
from l2h.hashing.parameters import is_count, require

if TYPE_CHECKING:
    import torch


class HashNetLoss:
    """Pairwise logistic loss, similar and dissimilar pairs balanced, on tanh outputs that sharpen in steps.

    For the pairs of two different images inside the batch: softplus(z) - s * z with z = 10 / bits * <h_i, h_j>,
    h = tanh(beta * u) and s = 1 for pairs that share a label; the mean over similar pairs plus that over dissimilar
    ones, an empty kind left out. beta = sqrt(1 + epoch // step) (continuation).

    Parameters
    ----------
    labels : float (n, c) multi-hot labels of the training set
    bits : code length
    step : epochs between two values of beta
    weighting : "shared" counts similar pairs alike, "jaccard" by shared labels / labels of either (the paper's c_ij)
    """

    def __init__(self, labels: "torch.Tensor", bits: int, *, step: int, weighting: str):
        self.labels = labels
        self.bits = bits
        self.step = step
        self.weighting = weighting

    def __call__(
        self, outputs: "torch.Tensor", features: "torch.Tensor", rows: "torch.Tensor", epoch: int
    ) -> "torch.Tensor":
        """The batch's loss; see `l2h.hashing.deep.training.Loss`."""
        import torch

        first, second = torch.triu_indices(len(outputs), len(outputs), offset=1, device=outputs.device)
        beta = (1 + epoch // self.step) ** 0.5
        codes = (beta * outputs).tanh()
        z = (10 / self.bits * codes @ codes.T)[first, second]
        labels = self.labels[rows]
        shared = (labels @ labels.T)[first, second]
        similar = shared > 0
        loss = torch.nn.functional.softplus(z) - similar * z
        if self.weighting == "jaccard":
            count = labels.sum(1)
            either = count[first] + count[second] - shared
            loss = loss * torch.where(similar, shared / either.clamp(min=1), 1)
        total = outputs.new_zeros(())
        for kind in (similar, ~similar):
            if kind.any():
                total = total + loss[kind].mean()
        return total


@dataclass(kw_only=True, eq=False, repr=False)
class HashNet(DeepHasher):
    """HashNet.

    Parameters
    ----------
    step : epochs between two steps of the continuation
    weighting : "shared" or "jaccard"; see `HashNetLoss`
    """

    step: int = 10
    weighting: str = "shared"

    def check_params(self) -> None:
        """Raise ValueError for a value that makes no sense."""
        super().check_params()
        require(is_count(self.step), "step", self.step, "a whole number from 1")
        require(self.weighting in ("shared", "jaccard"), "weighting", self.weighting, "shared or jaccard")

    def loss(self, labels: "torch.Tensor | None") -> HashNetLoss:
        """The loss on labels, float (n, c)."""
        assert labels is not None  # supervised
        return HashNetLoss(labels, self.bits, step=self.step, weighting=self.weighting)
