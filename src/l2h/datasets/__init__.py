"""Datasets by name: one file each, registered here or by a plug-in.

A dataset is a subclass of `ArrayDataset`, or of `Dataset` if its images do not form one array.
"""

from inspect import Parameter, signature
from typing import TYPE_CHECKING, Any

from l2h.datasets.base import ArrayDataset, Dataset
from l2h.errors import L2HError, hint
from l2h.registry import Registry

if TYPE_CHECKING:
    from l2h.datasets.downloads import Sources

registry = Registry(
    "dataset",
    {
        "cifar10": "l2h.datasets.cifar10:Cifar10",
        "digits": "l2h.datasets.digits:Digits",
        "digit_pairs": "l2h.datasets.digit_pairs:DigitPairs",
        "embeddings": "l2h.datasets.embeddings:Embeddings",
        "fashion_mnist": "l2h.datasets.fashion_mnist:FashionMnist",
        "image_list": "l2h.datasets.image_list:ImageList",
        "mnist": "l2h.datasets.mnist:Mnist",
        "nuswide_81_m": "l2h.datasets.nuswide:Nuswide81M",
    },
)
available = registry.names
register = registry.register


def make(name: str, sources: "Sources", **params: Any) -> Dataset:
    """Create the dataset `name` with these parameters; raises L2HError if a parameter is invalid."""
    cls = registry.get(name)
    _, *known = signature(cls).parameters.values()
    for key in params:
        allowed = [one.name for one in known]
        if key not in allowed:
            takes = ", ".join(allowed) or "none"
            raise L2HError(f"{name} has no parameter {key!r}{hint(key, allowed)}; it takes {takes}")
    for one in known:
        if one.default is Parameter.empty and one.name not in params:
            raise L2HError(f"{name} needs the parameter {one.name!r}")
    return cls(sources, **params)


__all__ = ["ArrayDataset", "Dataset", "available", "make", "register", "registry"]
