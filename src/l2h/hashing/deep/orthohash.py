"""OrthoHash.

Hoe, Ng, Zhang, Chan, Song and Xiang, "One Loss for All: Deep Hashing with a Single Cosine Similarity based Learning
Objective", NeurIPS 2021, https://arxiv.org/abs/2109.14449.
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
    `scale * cos(arccos(cos(u, c_k)) + margin * y_k)`, where `y_k = 1` for the image's labels. `alpha` times the mean of
    `1 - cos(u, sign u)` is added.

    Parameters
    ----------
    labels, bits, centres : see `CentreLoss`
    form, scale, margin, alpha : see `OrthoHash`
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

    One loss replaces those for classes, balance and quantisation: an output with the largest possible cosine to its
    centre has the centre's signs.

    Parameters
    ----------
    form : "cos", the margin on the cosine, or "arc", on the angle
    scale : factor of the logits; 8 in the authors' code
    margin : how much larger the cosine, or smaller the angle, to the own centre must be; published values are 0.2 and
        0.3. Raise it against overfitting
    alpha : weight of the mean of 1 - cos(u, sign u); 0 as published

    Notes
    -----
    **Multi-label.** Each label is a target of equal probability, and has the margin. The authors' `main.py` does so for
    NUS-WIDE alone: on COCO it trains as if each image had one label.

    **Pitfalls.**

    - Centres drawn at random, as in the authors' code, can be equal for two classes at 16 bits or fewer.
    - The loss depends on the direction of the outputs, not on their length, so lengths are no measure of certainty.
    - The authors report that their mAP can rise by 1 to 2 points if the database is shuffled: it keeps ties in storage
      order. Metrics here do not depend on that order.

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
