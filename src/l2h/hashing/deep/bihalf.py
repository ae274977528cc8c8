"""Bi-half Net.

Li and van Gemert, "Deep Unsupervised Image Hashing by Maximizing Bit Entropy", AAAI 2021.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from l2h.hashing.deep.base import DeepHasher, Numbers
from l2h.hashing.parameters import is_number, require

if TYPE_CHECKING:
    import torch


def bihalf_codes(outputs: "torch.Tensor") -> "torch.Tensor":
    """Split every bit at the batch's median: the larger half becomes +1, the rest (the middle one too) -1.

    Parameters
    ----------
    outputs : float (m, bits)

    Returns
    -------
    -1 or +1, with the same shape and dtype
    """
    order = outputs.argsort(dim=0, descending=True, stable=True)
    signs = -outputs.new_ones(len(outputs), 1).expand_as(outputs)
    return signs.scatter(0, order[: len(outputs) // 2], 1)


class BiHalfLoss:
    """Preserve the features' cosine similarities in codes whose bits are each half -1 and half +1.

    Mean squared error between cosine similarities of codes B and of features, over pairs of the batch's first half
    with its second. The gradient of the outputs U is that of the codes plus gamma * (U - B) / numel. It is implemented
    with a straight-through code and the penalty gamma / 2 * mean of (U - B)^2, which has this gradient.

    Parameters
    ----------
    gamma : see `BiHalf`
    """

    def __init__(self, *, gamma: float):
        self.gamma = gamma

    def __call__(
        self, outputs: "torch.Tensor", features: "torch.Tensor", rows: "torch.Tensor", epoch: int
    ) -> "torch.Tensor":
        """The batch's loss; see `l2h.hashing.deep.training.Loss`."""
        from torch.nn.functional import cosine_similarity, mse_loss

        half = len(outputs) // 2
        signs = bihalf_codes(outputs.detach())
        codes = outputs + (signs - outputs).detach()
        kept = mse_loss(
            cosine_similarity(codes[:half], codes[half : 2 * half]),
            cosine_similarity(features[:half], features[half : 2 * half]),
        )
        return kept + self.gamma / 2 * mse_loss(outputs, signs)


@dataclass(kw_only=True, eq=False, repr=False)
class BiHalf(DeepHasher):
    """Bi-half Net; needs no labels. The backbone is frozen, also at scope full.

    Codes preserve the features' cosines, and each bit is 1 for half of the batch, so that it carries the most
    information.

    Parameters
    ----------
    gamma : weight of the penalty that pulls outputs to their codes; 6 in the paper

    Notes
    -----
    **Pitfalls.**

    - Copied code evaluates real-valued outputs instead of their signs. That is not the ranking of codes.
    - A high learning rate costs much: on 9,216 features it needs a tenth of the rate that it needs on digits; see
      `docs/explanation/results.md`.
    - Bits are halved in training alone. A database gets the signs of the outputs, so its bits can be unequal.
    - Trained with Adam here; the paper uses SGD.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from l2h import hashing
    >>> X, y = load_digits(return_X_y=True)
    >>> bihalf = hashing.make("bihalf", bits=16, lr=0.01, epochs=2, validation=0, random_state=0).fit(X)
    >>> bihalf.transform(X).shape
    (1797, 2)
    """

    supervised = False
    backbone_lr = 0.0

    lr: Numbers = (3e-4, 1e-4, 3e-5)
    gamma: float = 6.0

    def check_params(self) -> None:
        """Raise ValueError for an invalid parameter."""
        super().check_params()
        require(is_number(self.gamma) and self.gamma >= 0, "gamma", self.gamma, "a number from 0")

    def loss(self, labels: "torch.Tensor | None") -> BiHalfLoss:
        """The loss; ignores labels."""
        return BiHalfLoss(gamma=self.gamma)
