"""Deep hashing network.

Zhu, Long, Wang and Cao, "Deep Hashing Network for Efficient Similarity Retrieval", AAAI 2016.
"""

from dataclasses import dataclass
from math import log
from typing import TYPE_CHECKING

from l2h.hashing.deep.pairs import LikelihoodHasher, LikelihoodLoss

if TYPE_CHECKING:
    import torch


class DHNLoss(LikelihoodLoss):
    """Logistic likelihood of "share a label", plus a smooth penalty that pulls every output towards -1 or 1.

    `mean over pairs of softplus(theta) - s * theta + alpha * mean of ln cosh(|u| - 1)`, with `theta = <u_i, u_j> / 2`
    and `s = 1` for pairs that share a label.
    """

    def pull(self, outputs: "torch.Tensor") -> "torch.Tensor":
        """Mean of `ln cosh(|u| - 1)`, in a form that cannot overflow."""
        from torch.nn.functional import softplus

        distance = (outputs.abs() - 1).abs()
        return (distance + softplus(-2 * distance) - log(2)).mean()


@dataclass(kw_only=True, eq=False, repr=False)
class DHN(LikelihoodHasher):
    """Deep hashing network: logistic likelihood of "share a label" inside the batch, with a smooth penalty.

    It differs from `dpsh` in the penalty and in the pairs: those inside the batch, as in the paper.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from l2h import hashing
    >>> X, y = load_digits(return_X_y=True)
    >>> dhn = hashing.make("dhn", bits=16, lr=0.01, epochs=2, validation=0, random_state=0).fit(X, y)
    >>> dhn.transform(X).shape
    (1797, 2)
    """

    epochs: int = 60
    pairs: str = "batch"

    def loss(self, labels: "torch.Tensor | None") -> DHNLoss:
        """The loss on labels, float (n, c)."""
        assert labels is not None  # supervised
        return DHNLoss(labels, self.bits, alpha=self.alpha, pairs=self.pairs, balanced=self.balanced)
