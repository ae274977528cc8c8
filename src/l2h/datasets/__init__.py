"""Data sets by name. A data set is one file, registered here or by a plug-in.

It is a subclass of `ArrayDataset`, or of `Dataset` where its images are no one array.
"""

from l2h.datasets.base import ArrayDataset, Dataset
from l2h.registry import Registry

registry = Registry(
    "data set",
    {
        "digits": "l2h.datasets.digits:Digits",
        "digit_pairs": "l2h.datasets.digit_pairs:DigitPairs",
        "mnist": "l2h.datasets.mnist:Mnist",
    },
)
available = registry.names
register = registry.register

__all__ = ["ArrayDataset", "Dataset", "available", "register", "registry"]
