"""Complete a config: add defaults that depend on other keys, and values that rules and jobs derive from its entries."""

import os
from collections import Counter
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

from l2h import backbones, plugins
from l2h.config.backbones import resolve_backbone
from l2h.config.datasets import resolve_dataset
from l2h.config.messages import ConfigError, UnknownNameError
from l2h.config.methods import resolve_method
from l2h.config.models import Config
from l2h.config.names import require_literal, require_member
from l2h.config.reading import Entry, complete
from l2h.errors import L2HError

MIRROR_VARIABLE = "L2H_DATASET_MIRROR"


def resolve(config: Entry) -> None:
    """Complete a config in place; see `resolved`."""
    config.update(resolved(complete(config)))


def resolved(config: Config, unknown: list[UnknownNameError] | None = None) -> Entry:
    """The config as rules and jobs use it: a mapping with all derived values.

    Parameters
    ----------
    unknown : if given, no plug-in is loaded; entries with unknown names, which a plug-in may register, are left out,
        their errors are appended to this list, and bundles are not checked

    Raises
    ------
    ConfigError
        a key, type, range or name is invalid
    L2HError
        a plug-in cannot be loaded
    """
    config = config.model_copy(update={"dataset_mirror": _mirror(config.dataset_mirror)})
    if unknown is None:
        plugins.load(config.plugins)
    for path in config.plugins:
        plugins.require_file(Path(path))
    for number, path in enumerate(config.pretrained):
        require_literal(f"pretrained[{number}]", path)
    datasets = _each("datasets", config.datasets, partial(resolve_dataset, config=config), unknown)
    networks = _each("backbones", config.backbones, partial(resolve_backbone, config=config), unknown)
    methods = _each("methods", config.methods, partial(resolve_method, config=config, datasets=datasets), unknown)
    _require_backbones(datasets, config)
    _require_starts(methods, networks)
    _require_alike(datasets)
    _require_distinct_splits(datasets)
    _require_distinct("backbones", networks)
    _require_distinct("methods", methods)
    completed = {
        **dict(config),
        "datasets": datasets,
        "backbones": networks,
        "methods": methods,
        "threads": dict(config.threads),
        "ranking": dict(config.ranking),
    }
    if config.pretrained and not unknown:
        _require_bundles(completed)
    return completed


def _each(
    key: str, entries: Iterable[Any], resolve_entry: Callable[..., Entry], unknown: list[UnknownNameError] | None
) -> list[Entry]:
    """The resolved entries of a list, without those that only a plug-in may register."""
    found = []
    for number, entry in enumerate(entries):
        try:
            found.append(resolve_entry(f"{key}[{number}]", entry))
        except UnknownNameError as error:
            if unknown is None:
                raise
            unknown.append(error)
    return found


def _mirror(folder: str | None) -> str | None:
    place = "config key dataset_mirror"
    if folder is None:
        place, folder = f"environment variable {MIRROR_VARIABLE}", os.environ.get(MIRROR_VARIABLE) or None
    if folder is not None and not Path(folder).is_dir():
        raise ConfigError(f"{place}: {folder!r} is not a folder (paths are relative to the working directory)")
    return folder


def _require_backbones(datasets: list[Entry], config: Config) -> None:
    with_images = [entry["name"] for entry in datasets if entry["images"]]
    if with_images and not config.backbones:
        raise ConfigError(
            f"config key backbones: the list is empty, but {with_images[0]} has images; add a network, such as alexnet"
        )


def _require_starts(methods: list[Entry], entries: list[Entry]) -> None:
    """Raise ConfigError if a method is trained from a layer at which a backbone cannot be cut."""
    for method in methods:
        start = method["arguments"].get("train_from")
        place = f"methods ({method['label']}), params.train_from"
        for entry in entries if start else []:
            name, starts = entry["name"], backbones.registry.get(entry["name"]).starts
            if not starts:
                raise ConfigError(f"config key {place}: {name} can only be trained as a whole; remove the key")
            require_member(place, start, f"a layer from which {name} can be trained", starts)


def _require_alike(entries: list[Entry]) -> None:
    """Raise ConfigError if entries of one dataset differ in anything but the split."""
    first: dict[str, Entry] = {}
    for entry in entries:
        other = first.setdefault(entry["name"], entry)
        for key in ("reader", "params", "shards"):
            if entry[key] != other[key]:
                raise ConfigError(
                    f"config key datasets: {entry['name']!r} is listed with different {key}; make them the same, or "
                    "give each its own name"
                )


def _require_distinct_splits(entries: list[Entry]) -> None:
    for (name, protocol), count in Counter((entry["name"], entry["protocol_id"]) for entry in entries).items():
        if count > 1:
            raise ConfigError(
                f"config key datasets: {name!r} is listed {count} times with the protocol {protocol}; remove one, or "
                "change its protocol or split_seed"
            )


def _require_distinct(key: str, entries: list[Entry]) -> None:
    for label, count in Counter(entry["label"] for entry in entries).items():
        if count > 1:
            raise ConfigError(f"config key {key}: {label!r} is listed {count} times; give each entry its own label")


def _require_bundles(config: Entry) -> None:
    from l2h.bundles.matching import require_bundles

    try:
        require_bundles(config)
    except L2HError as error:
        raise ConfigError(f"config key pretrained: {error}") from error
