"""Similarity distribution calibration.

Ng, Zhu, Hoe, Chan, Zhang, Song and Xiang, "Unsupervised Hashing with Similarity Distribution Calibration", BMVC 2023,
https://arxiv.org/abs/2302.07669.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import beta

from l2h.hashing.deep.base import DeepHasher
from l2h.hashing.deep.signs import signs
from l2h.hashing.parameters import is_number, require

if TYPE_CHECKING:
    import torch


@lru_cache
def quantiles(pairs: int, shape: float) -> tuple[float, ...]:
    """Return 2 q - 1 of the quantiles q of Beta(shape, shape) at (i - 1/2) / pairs, i = 1..pairs."""
    return tuple((2 * beta.ppf((np.arange(pairs) + 0.5) / pairs, shape, shape) - 1).tolist())


class SDCLoss:
    """Rank pairs by the features' cosines, and spread the outputs' cosines like a wide Beta distribution.

    `mean over pairs of |v_i - q_i| + alpha * mean over images of 1 - cos(u, sign u)`. v_i is cos(u, u') of the pair
    with the i-th lowest feature cosine, q_i the i-th of as many quantiles of Beta(shape, shape) on -1 to 1. Pairs
    combine the batch's first half with its second.

    Parameters
    ----------
    shape, alpha, clipped : see `SDC`
    """

    def __init__(self, *, shape: float, alpha: float, clipped: bool):
        self.shape = shape
        self.alpha = alpha
        self.clipped = clipped

    def __call__(
        self, outputs: "torch.Tensor", features: "torch.Tensor", rows: "torch.Tensor", epoch: int
    ) -> "torch.Tensor":
        """The batch's loss; see `l2h.hashing.deep.training.Loss`."""
        from torch.nn.functional import cosine_similarity

        half = len(outputs) // 2
        similarity = cosine_similarity(features[:half], features[half : 2 * half])
        cosines = cosine_similarity(outputs[:half], outputs[half : 2 * half])
        wanted = outputs.new_tensor(quantiles(half, self.shape))
        if self.clipped:
            wanted = wanted.clamp(min=0)
        spread = (cosines[similarity.argsort(stable=True)] - wanted).abs().mean()
        return spread + self.alpha * (1 - cosine_similarity(outputs, signs(outputs))).mean()


@dataclass(kw_only=True, eq=False, repr=False)
class SDC(DeepHasher):
    """Similarity distribution calibration; needs no labels. The backbone is frozen, also at scope full.

    Cosines of features often lie close together, which leaves few different Hamming distances. Only their order is
    kept, and the cosines of outputs are spread over the whole range.

    Parameters
    ----------
    shape : of the Beta distribution for the cosines of outputs; higher is narrower
    alpha : weight of the mean of 1 - cos(u, sign u)
    clipped : replace negative quantiles by 0, as in the authors' code, so that dissimilar images get orthogonal
        outputs, not opposite ones; worse on digits and MNIST

    Notes
    -----
    **Pitfalls.** A batch gives half as many pairs as it has images. In small batches few of them are similar, but the
    highest quantiles are assigned to some pairs all the same.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from l2h import hashing
    >>> X, _ = load_digits(return_X_y=True)
    >>> sdc = hashing.make("sdc", bits=16, lr=0.01, epochs=2, validation=0, random_state=0)
    >>> sdc.fit(X).transform(X).shape
    (1797, 2)
    """

    supervised = False
    batch_norm = True
    backbone_lr = 0.0

    epochs: int = 60
    shape: float = 5.0
    alpha: float = 1.0
    clipped: bool = False

    def check_params(self) -> None:
        """Raise ValueError for an invalid parameter."""
        super().check_params()
        require(is_number(self.shape) and self.shape > 0, "shape", self.shape, "a number above 0")
        require(is_number(self.alpha) and self.alpha >= 0, "alpha", self.alpha, "a number from 0")
        require(isinstance(self.clipped, bool), "clipped", self.clipped, "true or false")

    def loss(self, labels: "torch.Tensor | None") -> SDCLoss:
        """The loss; ignores labels."""
        return SDCLoss(shape=self.shape, alpha=self.alpha, clipped=self.clipped)
