"""Methods by name: one file each, registered here or by a plug-in.

A method is a subclass of `Hasher`, which computes codes, or of `Scorer`, which ranks by real-valued scores.
"""

from collections.abc import Collection, Iterable
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any

from l2h.errors import L2HError, hint
from l2h.registry import Registry
from l2h.store.models import read_model

if TYPE_CHECKING:
    from l2h.hashing.base import Method


FULL = "full"  # the scope that trains the backbone too, from images; see `l2h.hashing.deep.full`
registry = Registry(
    "method",
    {
        "bihalf": "l2h.hashing.deep.bihalf:BiHalf",
        "classifier": "l2h.hashing.baselines.classifier:Classifier",
        "cosine": "l2h.hashing.baselines.exact:Cosine",
        "csq": "l2h.hashing.deep.csq:CSQ",
        "dhn": "l2h.hashing.deep.dhn:DHN",
        "dpn": "l2h.hashing.deep.dpn:DPN",
        "dpsh": "l2h.hashing.deep.dpsh:DPSH",
        "dsh": "l2h.hashing.deep.dsh:DSH",
        "external": "l2h.hashing.external:External",
        "greedyhash": "l2h.hashing.deep.greedyhash:GreedyHash",
        "greedyhash_unsupervised": "l2h.hashing.deep.greedyhash_unsupervised:GreedyHashUnsupervised",
        "hadamard_ridge": "l2h.hashing.shallow.hadamard_ridge:HadamardRidge",
        "hashnet": "l2h.hashing.deep.hashnet:HashNet",
        "itq": "l2h.hashing.shallow.itq:ITQ",
        "itq_cca": "l2h.hashing.shallow.itq_cca:ITQCCA",
        "l2": "l2h.hashing.baselines.exact:L2",
        "lsh": "l2h.hashing.shallow.lsh:LSH",
        "one_hot": "l2h.hashing.baselines.one_hot:OneHot",
        "orthohash": "l2h.hashing.deep.orthohash:OrthoHash",
        "pca_rr": "l2h.hashing.shallow.pca_rr:PCARR",
        "pca_sign": "l2h.hashing.shallow.pca_sign:PCASign",
        "pq": "l2h.hashing.baselines.pq:PQ",
        "sdc": "l2h.hashing.deep.sdc:SDC",
        "sdh": "l2h.hashing.shallow.sdh:SDH",
        "sh": "l2h.hashing.shallow.sh:SH",
    },
    "l2h.hashing.plugin_checks:require_method",
)
register = registry.register


def available() -> tuple[str, ...]:
    """Names of the hashers, the methods that turn features into codes."""
    return tuple(name for name in registry.names() if hasattr(registry.get(name), "transform"))


def make(name: str, *, bits: int, random_state: int | None = None, **params: Any) -> Any:
    """A new estimator of the method `name`; raises L2HError if the name or a parameter is invalid."""
    cls = registry.get(name)
    refuse_unknown(name, params, set(signature(cls).parameters) - {"bits", "random_state"})
    method: Method = cls(bits=bits, random_state=random_state, **_immutable(params))
    try:
        method.check_params()
    except ValueError as error:
        raise L2HError(f"{name}: {error}") from error
    return method


def refuse_unknown(name: str, params: Iterable[str], allowed: Collection[str]) -> None:
    """Raise L2HError for the first parameter of the method `name` that is not allowed."""
    for key in params:
        if key not in allowed:
            takes = ", ".join(sorted(allowed)) or "none"
            raise L2HError(f"{name} has no parameter {key!r}{hint(key, allowed)}; it takes {takes}")


def load(folder: str | Path) -> Any:
    """Read an estimator that its `save` wrote as JSON and safetensors, which cannot execute code.

    Raises
    ------
    L2HError
        the folder is damaged, or does not hold exactly the arrays that its method learns
    """
    description, arrays = read_model(folder)
    if "head" in description:
        cure = "load it with l2h.hashing.deep.network.load"
        raise L2HError(f"{folder} is a network of scope full, which takes images; {cure}")
    try:
        cls = registry.get(description["method"])
        method = cls(**_immutable(description["params"]))
        method.check_params()
        method.restore(arrays, description["n_features_in"])
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise L2HError(f"{folder} is not a model that this version can use: {error}") from error
    return method


def _immutable(params: dict[str, Any]) -> dict[str, Any]:
    """Convert lists of YAML and JSON to tuples, the type of the defaults, so that equal values compare equal."""
    return {name: tuple(value) if isinstance(value, list) else value for name, value in params.items()}


__all__ = ["FULL", "available", "load", "make", "register", "registry"]
