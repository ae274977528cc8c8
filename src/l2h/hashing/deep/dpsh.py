"""Deep pairwise-supervised hashing.

Li, Wang and Kang, "Feature Learning based Deep Supervised Hashing with Pairwise Labels", IJCAI 2016.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from l2h.hashing.deep.pairs import LikelihoodHasher, LikelihoodLoss
from l2h.hashing.deep.signs import signs

if TYPE_CHECKING:
    import torch


class DPSHLoss(LikelihoodLoss):
    """Logistic likelihood of "share a label", plus a penalty that pulls every output towards -1 or 1.

    `mean over pairs of softplus(theta) - s * theta + alpha * mean of (u - sign u)^2`, with `theta = <u_i, u_j> / 2` and
    `s = 1` for pairs that share a label.
    """

    def pull(self, outputs: "torch.Tensor") -> "torch.Tensor":
        """Mean of `(u - sign u)^2`."""
        return (outputs - signs(outputs)).square().mean()


@dataclass(kw_only=True, eq=False, repr=False)
class DPSH(LikelihoodHasher):
    """Deep pairwise-supervised hashing: logistic likelihood of "share a label", against a bank of outputs.

    The higher the inner product of two outputs, the likelier it is that their images share a label.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from l2h import hashing
    >>> X, y = load_digits(return_X_y=True)
    >>> dpsh = hashing.make("dpsh", bits=16, lr=0.01, epochs=2, validation=0, random_state=0).fit(X, y)
    >>> dpsh.transform(X).shape
    (1797, 2)
    """

    def loss(self, labels: "torch.Tensor | None") -> DPSHLoss:
        """The loss on labels, float (n, c)."""
        assert labels is not None  # supervised
        return DPSHLoss(labels, self.bits, alpha=self.alpha, pairs=self.pairs, balanced=self.balanced)
