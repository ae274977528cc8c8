"""What follows from a method's entry: its parameters, and the code lengths and seeds at which it has results."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from l2h import hashing
from l2h.config.messages import ConfigError
from l2h.config.models import Config, Method
from l2h.config.names import registered, require_member
from l2h.errors import L2HError
from l2h.hashing import FULL

SOUND_BITS = 64  # at which any method works, if its parameters do


def resolve_method(place: str, entry: Method, config: Config, datasets: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """The entry with `label` and `scope`, and what follows.

    `arguments` are those of the method's constructor but for `bits` and `random_state`; `impossible` says why it
    cannot have a code length; `supervised` and `deterministic` are what the method says of itself; `results` are its
    code lengths and seeds for each `<dataset>/<protocol id>` that can be run.
    """
    cls = registered(f"{place}.method", hashing.registry, entry.method)
    scope = entry.scope or (cls.scopes[0] if cls.scopes else cls.kind)
    make = _maker(place, entry, cls, scope, config)
    impossible: dict[int, str] = {}
    for bits in config.bits:
        try:
            make(bits=bits)
        except L2HError as error:
            impossible[bits] = str(error)
    possible = [bits for bits in config.bits if bits not in impossible]
    try:
        one = make(bits=next(iter(possible), SOUND_BITS))
    except L2HError as error:  # it is not the length
        raise ConfigError(f"config key {place}.params: {error}") from error
    given = one.get_params()  # all of them, so that spelling out a default changes nothing
    estimator = one.method if scope == FULL else one
    return {
        **dict(entry),
        "label": entry.label or entry.method,
        "scope": scope,
        "arguments": {name: given[name] for name in sorted(given) if name not in ("bits", "random_state")},
        "impossible": impossible,
        "supervised": estimator.__sklearn_tags__().target_tags.required,
        "deterministic": estimator.deterministic,
        "results": _results(place, one, possible, config.seeds, datasets),
    }


def _maker(place: str, entry: Method, cls: Any, scope: str, config: Config) -> Callable[..., Any]:
    """What makes the method, given `bits`."""
    for name in entry.params:
        if name in ("bits", "random_state", "scope", "device"):
            raise ConfigError(f"config key {place}.params.{name}: set it by its own key of the config, not in params")
    if cls.scopes:
        require_member(f"{place}.scope", scope, f"a scope of {entry.method}", cls.scopes)
        arguments = {"device": config.device, "scope": scope}
    elif scope != cls.kind:
        raise ConfigError(f"config key {place}.scope: {entry.method} has no scopes to choose from; remove the key")
    else:
        arguments = {}
    make: Callable[..., Any] = hashing.make
    if scope == FULL:
        from l2h.hashing.deep import full  # with scikit-learn, which takes a second to import

        make = full.make
    return partial(make, entry.method, **arguments, **entry.params)


def _results(
    place: str, method: Any, bits: list[int], seeds: list[int], datasets: Iterable[dict[str, Any]]
) -> dict[str, list[tuple[int, int]]]:
    found = {}
    for dataset in datasets:
        if dataset["missing"]:
            continue
        name, protocol = dataset["name"], dataset["protocol_id"]
        try:
            found[f"{name}/{protocol}"] = method.lengths_and_seeds(name, protocol, bits, seeds)
        except L2HError as error:
            raise ConfigError(f"config key {place}: {error}") from error
    return found
