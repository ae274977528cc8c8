"""Complete a method's entry: its parameters, and the code lengths and seeds of its results."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from l2h import hashing
from l2h.config.messages import ConfigError
from l2h.config.models import Config, Method
from l2h.config.names import registered, require_member
from l2h.errors import L2HError
from l2h.hashing import FULL

SOUND_BITS = 64  # a length at which every method works if its parameters are valid


def resolve_method(place: str, entry: Method, config: Config, datasets: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """The entry with `label` and `scope`, and values derived from them.

    `arguments` are those of the method's constructor except `bits` and `random_state`; `impossible` and `unfit` give
    the reasons why it cannot have a code length, or run on a `<dataset>/<protocol id>`; `supervised` and
    `deterministic` are attributes of the method; `results` lists its code lengths and seeds for each
    `<dataset>/<protocol id>` that can be run.
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
    except L2HError as error:  # the length is not the cause
        raise ConfigError(f"config key {place}.params: {error}") from error
    given = one.get_params()  # including defaults, so that writing a default into a config changes nothing
    estimator = one.method if scope == FULL else one
    supervised = estimator.__sklearn_tags__().target_tags.required
    there = {f"{dataset['name']}/{dataset['protocol_id']}": dataset for dataset in datasets if not dataset["missing"]}
    unfit = {name: why for name, dataset in there.items() if (why := _unfit(dataset, scope, supervised))}
    if there and len(unfit) == len(there):
        raise ConfigError(f"config key {place}: {entry.method} {next(iter(unfit.values()))}")
    return {
        **dict(entry),
        "label": entry.label or entry.method,
        "scope": scope,
        "arguments": {name: given[name] for name in sorted(given) if name not in ("bits", "random_state")},
        "impossible": impossible,
        "unfit": unfit,
        "supervised": supervised,
        "deterministic": estimator.deterministic,
        "results": {
            name: _results(place, one, possible, config.seeds, dataset) if name not in unfit else []
            for name, dataset in there.items()
        },
    }


def _maker(place: str, entry: Method, cls: Any, scope: str, config: Config) -> Callable[..., Any]:
    """A function that creates the method, given `bits`."""
    for name in entry.params:
        if name in ("bits", "random_state", "scope", "device"):
            raise ConfigError(f"config key {place}.params.{name}: set it with its own key of the config, not in params")
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


def _unfit(dataset: dict[str, Any], scope: str, supervised: bool) -> str:
    """Why a method cannot run on a dataset, to follow the method's name; "" if it can."""
    if scope == FULL and not dataset["images"]:
        return f"at scope {FULL} is trained on images, but {dataset['name']} has embeddings; choose another scope"
    if supervised and dataset["relevance"] == "neighbours":
        return f"learns from labels, but {dataset['name']} has none; add labels, or choose an unsupervised method"
    return ""


def _results(
    place: str, method: Any, bits: list[int], seeds: list[int], dataset: dict[str, Any]
) -> list[tuple[int, int]]:
    try:
        found: list[tuple[int, int]] = method.lengths_and_seeds(dataset["name"], dataset["protocol_id"], bits, seeds)
    except L2HError as error:
        raise ConfigError(f"config key {place}: {error}") from error
    return found
