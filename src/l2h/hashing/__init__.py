"""Hashing methods by name. A method is one file: a subclass of `Hasher`, registered here or by a plug-in."""

from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any

from l2h import store
from l2h.errors import L2HError
from l2h.registry import Registry

if TYPE_CHECKING:
    from l2h.hashing.base import Hasher

registry = Registry(
    "method",
    {
        "bihalf": "l2h.hashing.bihalf:BiHalf",
        "dsh": "l2h.hashing.dsh:DSH",
        "hashnet": "l2h.hashing.hashnet:HashNet",
        "itq": "l2h.hashing.itq:ITQ",
        "lsh": "l2h.hashing.lsh:LSH",
        "sh": "l2h.hashing.sh:SH",
    },
)
available = registry.names
register = registry.register


def make(name: str, *, bits: int, random_state: int | None = None, **params: Any) -> "Hasher":
    """A new hasher of the method `name`; raises L2HError, naming what is allowed, where a name or value is wrong."""
    cls = registry.get(name)
    known = set(signature(cls).parameters)
    if not known >= {"bits", "random_state"}:
        raise L2HError(f"{name}: its __init__ must take `bits` and `random_state`, it takes {', '.join(sorted(known))}")
    allowed = sorted(known - {"bits", "random_state"})
    for key in params:
        if key not in allowed:
            raise L2HError(f"{name} has no parameter {key!r}; it takes {', '.join(allowed) or 'none'}")
    hasher = cls(bits=bits, random_state=random_state, **_immutable(params))
    try:
        hasher.check_params()
    except ValueError as error:
        raise L2HError(f"{name}: {error}") from error
    return hasher


def load(folder: str | Path) -> "Hasher":
    """Read a hasher that `Hasher.save` wrote: JSON and safetensors, nothing that could run code.

    Raises
    ------
    L2HError
        the folder is damaged, or does not hold exactly what its method learns
    """
    description, arrays = store.read_model(folder)
    try:
        cls = registry.get(description["method"])
        hasher = cls(**_immutable(description["params"]))
        hasher.check_params()
        hasher.restore(arrays, int(description["n_features_in"]))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise L2HError(f"{folder} is no model that this version can use: {error}") from error
    return hasher


def _immutable(params: dict[str, Any]) -> dict[str, Any]:
    """YAML's and JSON's lists as tuples, which defaults are: equal values are to be equal parameters."""
    return {name: tuple(value) if isinstance(value, list) else value for name, value in params.items()}


__all__ = ["available", "load", "make", "register", "registry"]
