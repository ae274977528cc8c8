"""OrthoHash.

Hoe, Ng, Zhang, Chan, Song and Xiang, "One Loss for All: Deep Hashing with a Single Cosine Similarity based Learning
Objective", NeurIPS 2021.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from l2h.hashing.deep.labelled import CentreHasher, CentreLoss
from l2h.hashing.deep.signs import signs
from l2h.hashing.parameters import is_number, require

if TYPE_CHECKING:
    import torch


class OrthoHashLoss(CentreLoss):
    """Cross-entropy of a softmax over the cosines to the centres of all classes, with a margin.

    Logits are `scale * (cos(u, c_k) - margin * y_k)`, or with the margin on the angle,
    `scale * cos(arccos(cos(u, c_k)) + margin * y_k)`, where `y_k = 1` for the image's labels. With several labels, each
    is a target of equal probability.

    Parameters
    ----------
    labels, bits, centres : see `CentreLoss`
    form : "cos", the margin on the cosine, or "arc", on the angle
    scale, margin : of the logits
    alpha : weight of the mean of 1 - cos(u, sign u)
    """

    def __init__(
        self, labels: "torch.Tensor", bits: int, *, centres: str, form: str, scale: float, margin: float, alpha: float
    ):
        super().__init__(labels, bits, centres)
        self.form = form
        self.scale = scale
        self.margin = margin
        self.alpha = alpha

    def on_labelled(self, outputs: "torch.Tensor", labels: "torch.Tensor") -> "torch.Tensor":
        """The loss of outputs, float (m, bits), with labels, float (m, c) multi-hot, one or more each."""
        from torch.nn.functional import cosine_similarity, cross_entropy, normalize

        cosines = normalize(outputs) @ normalize(self.centres).T
        if self.form == "arc":
            inside = 1 - 1e-5  # arccos has no gradient at 1
            cosines = (cosines.clamp(-inside, inside).arccos() + self.margin * labels).cos()
        else:
            cosines = cosines - self.margin * labels
        loss = cross_entropy(self.scale * cosines, labels / labels.sum(dim=1, keepdim=True))
        if self.alpha:
            loss = loss + self.alpha * (1 - cosine_similarity(outputs, signs(outputs))).mean()
        return loss


@dataclass(kw_only=True, eq=False, repr=False)
class OrthoHash(CentreHasher):
    """OrthoHash: a softmax over the cosines to fixed class centres; a batch norm balances the bits.

    Parameters
    ----------
    form : "cos" or "arc"; see `OrthoHashLoss`
    scale, margin : of the softmax; published margins are 0.2 and 0.3
    alpha : weight of the mean of 1 - cos(u, sign u); 0 as published

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from l2h import hashing
    >>> X, y = load_digits(return_X_y=True)
    >>> arc = hashing.make("orthohash", bits=16, form="arc", lr=0.01, epochs=2, validation=0, random_state=0)
    >>> arc.fit(X, y).transform(X).shape
    (1797, 2)
    """

    batch_norm = True

    form: str = "cos"
    scale: float = 8.0
    margin: float = 0.2
    alpha: float = 0.0

    def check_params(self) -> None:
        """Raise ValueError for an invalid parameter."""
        super().check_params()
        require(self.form in ("cos", "arc"), "form", self.form, "cos or arc")
        require(is_number(self.scale) and self.scale > 0, "scale", self.scale, "a number above 0")
        require(is_number(self.margin) and 0 <= self.margin < 1, "margin", self.margin, "from 0 and below 1")
        require(is_number(self.alpha) and self.alpha >= 0, "alpha", self.alpha, "a number from 0")

    def loss(self, labels: "torch.Tensor | None") -> OrthoHashLoss:
        """The loss on labels, float (n, c)."""
        assert labels is not None  # supervised
        return OrthoHashLoss(
            labels,
            self.bits,
            centres=self.centres,
            form=self.form,
            scale=self.scale,
            margin=self.margin,
            alpha=self.alpha,
        )
