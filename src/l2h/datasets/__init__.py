"""Data sets by name. A data set is one file: a subclass of `Dataset`, registered here or by a plug-in."""

from l2h.datasets.base import Dataset
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

__all__ = ["Dataset", "available", "register", "registry"]
