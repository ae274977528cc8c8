"""HashNet.

Cao, Long, Wang and Yu, "HashNet: Deep Learning to Hash by Continuation", ICCV 2017.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from l2h.hashing.deep.base import DeepHasher
from l2h.hashing.deep.pairs import mean_of_kinds
from l2h.hashing.parameters import is_count, is_number, require

if TYPE_CHECKING:
    import torch


class HashNetLoss:
    """Pairwise logistic loss, similar and dissimilar pairs balanced, on tanh outputs that become steeper in steps.

    For pairs of different images in the batch: `softplus(z) - s * z` with `z = alpha * <h_i, h_j>`,
    `h = tanh(beta * u)` and `s = 1` for pairs that share a label; the mean over similar pairs plus that over dissimilar
    ones, omitting a kind without pairs. `beta = sqrt(1 + epoch // step)` (continuation).

    Parameters
    ----------
    labels : float (n, c) multi-hot labels of the training set
    alpha, step, weighting : see `HashNet`
    """

    def __init__(self, labels: "torch.Tensor", *, alpha: float, step: int, weighting: str):
        self.labels = labels
        self.alpha = alpha
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
        z = (self.alpha * codes @ codes.T)[first, second]
        labels = self.labels[rows]
        shared = (labels @ labels.T)[first, second]
        similar = shared > 0
        loss = torch.nn.functional.softplus(z) - similar * z
        if self.weighting == "jaccard":
            count = labels.sum(1)
            either = count[first] + count[second] - shared
            loss = loss * torch.where(similar, shared / either.clamp(min=1), 1)
        return mean_of_kinds(loss, similar)


@dataclass(kw_only=True, eq=False, repr=False)
class HashNet(DeepHasher):
    """HashNet: balanced logistic likelihood of "share a label" in the batch, on tanh outputs that become steeper.

    The tanh approaches the sign during training (continuation), so that codes lose little when outputs become bits.

    Parameters
    ----------
    alpha : slope of the logistic loss; None for 10 / bits, as published. Widely copied code uses 0.1 for all code
        lengths. With a linear head on MNIST (5,000 training images, 1,000 queries, a database of 20,000), 0.1 is
        better on pixels at 32 bits (mAP .793, against .759 with 10 / bits; three seeds), and fails on AlexNet's
        pool5 at 8 bits (.746, against .956; two seeds)
    step : epochs between two steps of the continuation
    weighting : "shared" weighs similar pairs equally, "jaccard" by shared labels / labels of either (the paper's c_ij)

    Notes
    -----
    **Multi-label.** Images are similar if they share a label; with "jaccard", a pair weighs more if it shares more of
    its labels.

    **Pitfalls.**

    - A batch without similar pairs gives NaN in copies that divide by their number. Here only dissimilar ones count
      then.
    - The authors' test code leaves queries that retrieve nothing relevant out of the mean, which raises it.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from l2h import hashing
    >>> X, y = load_digits(return_X_y=True)
    >>> hashnet = hashing.make("hashnet", bits=16, lr=0.01, epochs=2, validation=0, random_state=0).fit(X, y)
    >>> hashnet.transform(X).shape
    (1797, 2)
    """

    alpha: float | None = None
    step: int = 10
    weighting: str = "shared"

    def check_params(self) -> None:
        """Raise ValueError for an invalid parameter."""
        super().check_params()
        positive = self.alpha is None or (is_number(self.alpha) and self.alpha > 0)
        require(positive, "alpha", self.alpha, "null (10 / bits) or a number above 0")
        require(is_count(self.step), "step", self.step, "a positive integer")
        require(self.weighting in ("shared", "jaccard"), "weighting", self.weighting, "shared or jaccard")

    def loss(self, labels: "torch.Tensor | None") -> HashNetLoss:
        """The loss on labels, float (n, c)."""
        assert labels is not None  # supervised
        alpha = 10 / self.bits if self.alpha is None else self.alpha
        return HashNetLoss(labels, alpha=alpha, step=self.step, weighting=self.weighting)
