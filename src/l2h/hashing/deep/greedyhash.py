"""GreedyHash.

Su, Zhang, Han and Tian, "Greedy Hash: Towards Fast Optimization for Accurate Hash Coding in CNN", NeurIPS 2018.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from l2h.hashing.deep.base import DeepHasher
from l2h.hashing.deep.labelled import LabelledLoss
from l2h.hashing.deep.signs import straight_through
from l2h.hashing.parameters import is_number, require

if TYPE_CHECKING:
    import torch


class GreedyHashLoss(LabelledLoss):
    """Cross-entropy of a linear classifier on the code, plus a penalty that pulls every output towards -1 or 1.

    `CE(V sign(u), y) + alpha * mean of | |u| - 1 |^3`, where sign(u) has the gradient of u. V is learned with the head.

    Parameters
    ----------
    labels : float (n, c) multi-hot labels of the training set
    bits : code length
    alpha, probability : see `GreedyHash`
    lr_share, weight_decay : of the classifier; see `l2h.hashing.deep.training.Loss`

    Attributes
    ----------
    classifier : V, float (c, bits), initialised with torch's global generator
    """

    def __init__(
        self,
        labels: "torch.Tensor",
        bits: int,
        *,
        alpha: float,
        probability: str,
        lr_share: float,
        weight_decay: float,
    ):
        from torch.nn import Linear, Parameter

        super().__init__(labels)
        self.classifier = Parameter(Linear(bits, labels.shape[1], bias=False).weight.detach().to(labels))
        self.alpha = alpha
        self.probability = probability
        self.lr_share = lr_share
        self.weight_decay = weight_decay

    def on_labelled(self, outputs: "torch.Tensor", labels: "torch.Tensor") -> "torch.Tensor":
        """The loss of outputs, float (m, bits), with labels, float (m, c) multi-hot, one or more each."""
        from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

        logits = straight_through(outputs) @ self.classifier.T
        if self.probability == "softmax":
            loss = cross_entropy(logits, labels / labels.sum(dim=1, keepdim=True))
        else:
            loss = binary_cross_entropy_with_logits(logits, labels)
        return loss + self.alpha * (outputs.abs() - 1).abs().pow(3).mean()


@dataclass(kw_only=True, eq=False, repr=False)
class GreedyHash(DeepHasher):
    """GreedyHash: classify from the code itself, with 1 as the gradient of the sign.

    A linear classifier on the code is learned with the head, and only codes are compared at search.

    Attributes
    ----------
    classifier_ : from codes of -1 and 1 to classes, float (c, bits), in the order of the sorted classes or the labels

    Parameters
    ----------
    alpha : weight of the penalty; published values are 0.1 (CIFAR-10) and 1 (ImageNet)
    probability : "softmax" over classes, or "sigmoid", a binary cross-entropy for each label
    classifier_lr : learning rate of the classifier, as a share of lr
    classifier_decay : weight decay of the classifier

    Notes
    -----
    **Multi-label.** With softmax, each label is a target of equal probability. The paper has one label per image.
    DeepHash-pytorch takes `argmax` of the labels, so it trains on the first label of each image.

    **Pitfalls.** Old copies leave the classifier out of the optimiser. It then stays random, and the training still
    runs.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from l2h import hashing
    >>> X, y = load_digits(return_X_y=True)
    >>> greedy = hashing.make("greedyhash", bits=16, lr=0.01, epochs=2, validation=0, random_state=0).fit(X, y)
    >>> greedy.transform(X).shape
    (1797, 2)
    """

    learned = (*DeepHasher.learned, "classifier_")

    alpha: float = 0.1
    probability: str = "softmax"
    classifier_lr: float = 1.0
    classifier_decay: float = 1e-5

    def check_params(self) -> None:
        """Raise ValueError for an invalid parameter."""
        super().check_params()
        for name in ("alpha", "classifier_decay"):
            value = getattr(self, name)
            require(is_number(value) and value >= 0, name, value, "a number from 0")
        known = self.probability in ("softmax", "sigmoid")
        require(known, "probability", self.probability, "softmax or sigmoid")
        positive = is_number(self.classifier_lr) and self.classifier_lr > 0
        require(positive, "classifier_lr", self.classifier_lr, "a share of lr above 0")

    def loss(self, labels: "torch.Tensor | None") -> GreedyHashLoss:
        """The loss on labels, float (n, c)."""
        assert labels is not None  # supervised
        return GreedyHashLoss(
            labels,
            self.bits,
            alpha=self.alpha,
            probability=self.probability,
            lr_share=self.classifier_lr,
            weight_decay=self.classifier_decay,
        )
