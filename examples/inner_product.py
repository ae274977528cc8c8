"""A deep method from outside the package: inner products of codes.

Liu et al., "Supervised Hashing with Kernels", CVPR 2012.
"""

from dataclasses import dataclass

from l2h import hashing
from l2h.hashing.base import is_number, require
from l2h.hashing.deep import DeepHasher


@hashing.register("inner_product")
@dataclass(kw_only=True, eq=False, repr=False)  # equality and repr are scikit-learn's
class InnerProduct(DeepHasher):
    """Fit the inner products of codes to 1 for images that share a label, else to -1.

    Parameters
    ----------
    slope : of the tanh that approximates the sign
    """

    epochs: int = 20
    slope: float = 1.0

    def check_params(self):
        """Raise ValueError for an invalid parameter."""
        super().check_params()
        require(is_number(self.slope) and self.slope > 0, "slope", self.slope, "a number above 0")

    def loss(self, labels):
        """The loss on labels, float (n, c)."""

        def of_batch(outputs, features, rows, epoch):
            codes = (self.slope * outputs).tanh()
            shared = (labels[rows] @ labels[rows].T > 0).float()
            return (codes @ codes.T / self.bits - (2 * shared - 1)).square().mean()

        return of_batch
