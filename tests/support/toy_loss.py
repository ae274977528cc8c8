"""A deep loss from outside the package: the mean outputs of two labels are pushed apart."""

from dataclasses import dataclass

from l2h import hashing
from l2h.hashing.deep import DeepHasher


@hashing.register("toy_loss")
@dataclass(kw_only=True, eq=False, repr=False)
class ToyLoss(DeepHasher):
    """Each output tends to 1 for the first label, and to -1 for all others.

    Parameters
    ----------
    pull : weight of the loss
    """

    epochs: int = 3
    pull: float = 1.0

    def loss(self, labels):
        """The loss on labels, float (n, c)."""
        target = 2 * labels[:, :1] - 1
        return lambda outputs, features, rows, epoch: self.pull * (outputs - target[rows]).square().mean()
