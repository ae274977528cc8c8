"""Complete a dataset's entry: its reader, its protocol, and files that the user must download."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from l2h import datasets, paths
from l2h.config.messages import ConfigError, UnknownNameError
from l2h.config.models import Config, Dataset
from l2h.config.models import Protocol as OwnProtocol
from l2h.config.names import registered, require_member
from l2h.datasets.downloads import Sources
from l2h.errors import L2HError
from l2h.splits import Protocol, require_enough


def resolve_dataset(place: str, entry: Dataset, config: Config) -> dict[str, Any]:
    """The entry with `reader`, `protocol` and `shards`, and values derived from them.

    `dealing` is the rule that splits the images, None if lists give the roles; `protocol_id` is its name in paths;
    `missing` names files that the user must download first, or is None; `images`, `relevance` and `neighbours` are
    attributes of the dataset.
    """
    name, reader = entry.name, entry.reader or entry.name
    own = "" if entry.reader else "; for a folder of your own images add `reader: image_list` to the name"
    registered(f"{place}.{'reader' if entry.reader else 'name'}", datasets.registry, reader, own)
    if name != reader and name in datasets.available():
        raise ConfigError(f"config key {place}.name: {name!r} is another dataset's name; choose another")
    try:
        dataset = made(reader, entry.params, config.dataset_mirror)
        missing = None if config.pretrained else dataset.missing()  # bundles hold everything needed
    except (L2HError, TypeError) as error:
        raise ConfigError(f"config key {place}.params: {error}") from error
    protocol, dealing = _protocol(f"{place}.protocol", entry.protocol, reader, dataset)
    if dealing is None and entry.split_seed != 0:
        raise ConfigError(f"config key {place}.split_seed: protocol {protocol} draws nothing; remove the key")
    return {
        **dict(entry),
        "reader": reader,
        "protocol": protocol,
        "dealing": None if dealing is None else asdict(dealing),
        "protocol_id": protocol if entry.split_seed == 0 else f"{protocol}-seed{entry.split_seed}",
        "missing": missing,
        "images": dataset.images,
        "relevance": dataset.relevance,
        "neighbours": dataset.neighbours,
        "shards": entry.shards or config.ranking.shards,
    }


def made(reader: str, params: Mapping[str, Any], mirror: str | None) -> datasets.Dataset:
    """The dataset itself; raises L2HError if a parameter is invalid."""
    return datasets.make(reader, Sources(paths.DOWNLOADS, mirror), **params)


def _protocol(
    place: str, given: str | OwnProtocol | None, reader: str, dataset: datasets.Dataset
) -> tuple[str, Protocol | None]:
    """Name of the protocol, and the rule that splits the images; None if lists give the roles."""
    known = dict(dataset.protocols)
    published = {
        name: how for other in datasets.available() for name, how in datasets.registry.get(other).protocols.items()
    }
    if dataset.any_protocol:
        known |= {name: how for name, how in published.items() if how is not None}
    if not isinstance(given, OwnProtocol):
        name = given or next(iter(dataset.protocols))
        try:
            require_member(place, name, f"a protocol of {reader}", known)
        except ConfigError as error:
            if dataset.any_protocol:
                raise UnknownNameError(str(error), place, name, known) from error
            raise
        return name, known[name]
    if not dataset.any_protocol:
        raise ConfigError(f"config key {place}: {reader} has its own protocols; choose one of {', '.join(known)}")
    if given.name in published:
        raise ConfigError(f"config key {place}.name: {given.name!r} is another protocol's name; choose another")
    try:
        return given.name, Protocol(given.query, given.train, given.per_class, given.train_in_database)
    except L2HError as error:
        raise ConfigError(f"config key {place}: {error}") from error


def require_drawable(config: dict[str, Any]) -> None:
    """Raise ConfigError if a protocol needs more images of a class than there are; reads no image.

    Called once, when a run is planned, because jobs resolve the config too and folders can be large.

    Parameters
    ----------
    config : resolved

    Raises
    ------
    ConfigError
        a class or a dataset has too few images; the message gives their numbers
    L2HError
        a folder or list is invalid
    """
    if config["pretrained"]:  # bundles hold the splits
        return
    known: dict[str, tuple[Any, datasets.Dataset]] = {}
    for number, entry in enumerate(config["datasets"]):
        if entry["missing"] or entry["dealing"] is None:
            continue
        if entry["name"] not in known:
            dataset = made(entry["reader"], entry["params"], config["dataset_mirror"])
            known[entry["name"]] = dataset.known_labels(), dataset
        labels, dataset = known[entry["name"]]
        try:
            if labels is not None:
                require_enough(labels, entry["protocol"], Protocol(**entry["dealing"]), dataset.classes)
        except L2HError as error:
            raise ConfigError(f"config key datasets[{number}].protocol: {error}") from error
