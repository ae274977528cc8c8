"""GreedyHash without labels.

Su, Zhang, Han and Tian, "Greedy Hash: Towards Fast Optimization for Accurate Hash Coding in CNN", NeurIPS 2018.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from l2h.hashing.deep.base import DeepHasher, Numbers
from l2h.hashing.deep.signs import straight_through
from l2h.hashing.parameters import is_number, require

if TYPE_CHECKING:
    import torch


class GreedyHashUnsupervisedLoss:
    """Preserve the features' cosine similarities in the codes, plus a penalty that pulls every output towards -1 or 1.

    `mean over pairs of (cos(sign u_i, sign u_j) - cos(x_i, x_j))^2 + alpha * mean of | |u| - 1 |^3`, where sign(u) has
    the gradient of u. Pairs combine the batch's first half with its second.

    Parameters
    ----------
    alpha, centred : see `GreedyHashUnsupervised`
    """

    def __init__(self, *, alpha: float, centred: bool):
        self.alpha = alpha
        self.centred = centred

    def __call__(
        self, outputs: "torch.Tensor", features: "torch.Tensor", rows: "torch.Tensor", epoch: int
    ) -> "torch.Tensor":
        """The batch's loss; see `l2h.hashing.deep.training.Loss`."""
        from torch.nn.functional import cosine_similarity, mse_loss

        half = len(outputs) // 2
        codes = straight_through(outputs)
        if self.centred:
            features = features - features.mean(dim=0)
        kept = mse_loss(
            cosine_similarity(codes[:half], codes[half : 2 * half]),
            cosine_similarity(features[:half], features[half : 2 * half]),
        )
        return kept + self.alpha * (outputs.abs() - 1).abs().pow(3).mean()


@dataclass(kw_only=True, eq=False, repr=False)
class GreedyHashUnsupervised(DeepHasher):
    """GreedyHash without labels: codes preserve the features' cosines. The backbone is frozen, also at scope full.

    Parameters
    ----------
    alpha : weight of the penalty
    centred : subtract the batch's mean from the features before their cosines; false as published

    Notes
    -----
    **Pitfalls.**

    - Features that are never negative, such as those after a ReLU, have only positive cosines. Without centring, codes
      preserve these only with bits that hardly vary.
    - A batch gives half as many pairs as it has images, so small batches have few similar pairs.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from l2h import hashing
    >>> X, _ = load_digits(return_X_y=True)
    >>> greedy = hashing.make("greedyhash_unsupervised", bits=16, lr=0.01, epochs=2, validation=0, random_state=0)
    >>> greedy.fit(X).transform(X).shape
    (1797, 2)
    """

    supervised = False
    backbone_lr = 0.0

    lr: Numbers = (3e-4, 1e-4, 3e-5)
    alpha: float = 0.1
    centred: bool = True

    def check_params(self) -> None:
        """Raise ValueError for an invalid parameter."""
        super().check_params()
        require(is_number(self.alpha) and self.alpha >= 0, "alpha", self.alpha, "a number from 0")
        require(isinstance(self.centred, bool), "centred", self.centred, "true or false")

    def loss(self, labels: "torch.Tensor | None") -> GreedyHashUnsupervisedLoss:
        """The loss; ignores labels."""
        return GreedyHashUnsupervisedLoss(alpha=self.alpha, centred=self.centred)
