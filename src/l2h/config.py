"""Check a config, fill in what it leaves out, and say in one line what is wrong with it."""

import os
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from l2h import backbones, datasets, hashing, plugins
from l2h.backbones.weights import UNTRAINED, file_sha256
from l2h.datasets.downloads import Sources
from l2h.errors import L2HError, hint
from l2h.hashing import FULL
from l2h.hashing.deep import full
from l2h.splits import Protocol, require_enough

Entry = dict[str, Any]

EXTERNAL = "external"  # what stands for the backbone of codes from elsewhere
DOWNLOADS = "resources/downloads"
MIRROR_VARIABLE = "L2H_DATASET_MIRROR"
# a schema's words, in a message's
KINDS = {"array": "a list", "object": "a mapping", "string": "text", "integer": "a whole number", "number": "a number"}
KINDS |= {"boolean": "true or false", "null": "null"}
LIMITS = {"minimum": "at least", "exclusiveMinimum": "above", "maximum": "at most"}
SOUND_BITS = 64  # at which any method works, if its parameters do
MAX_VALUES = 100_000  # of a config, counted as often as it names them: YAML's aliases multiply


# In JSON Schema 8.0 is an integer; as a file's name it is not 8.
_Validator = jsonschema.validators.extend(  # type: ignore[no-untyped-call]
    jsonschema.Draft202012Validator,
    type_checker=jsonschema.Draft202012Validator.TYPE_CHECKER.redefine(
        "integer", lambda _, value: isinstance(value, int) and not isinstance(value, bool)
    ),
)


class ConfigError(L2HError):
    """A config key that is wrong; the line names the key, its value and what is allowed."""


def resolve(config: Entry, schema_path: str | Path) -> None:
    """Make a config complete, in place.

    Names alone become entries, defaults are filled in from the schema and the registries, and what follows from an
    entry is added to it: `protocol_id`, `id` and `weights_id` (parts of file names), `dealing` (what a protocol draws;
    None where lists name the roles), `missing` (what the user must get before the data set can be run, or None),
    `source` and `local` (where weights come from), `arguments` (of a
    method's constructor), `supervised` (it says that it needs labels), `results` (the code lengths and seeds at which
    a method has a result, for each `<data set>/<protocol id>` that can be run).

    Raises
    ------
    ConfigError
        a key, type, range or name is wrong
    L2HError
        a plug-in does not load
    """
    complete(config, schema_path)
    _resolve_mirror(config)
    plugins.load(config["plugins"])
    for number, path in enumerate(config["pretrained"]):
        _require_literal(f"pretrained[{number}]", path)
    for place, entry in _entries(config, "datasets"):
        _resolve_dataset(place, entry, config)
    for place, entry in _entries(config, "backbones"):
        _resolve_backbone(place, entry, config)
    for place, entry in _entries(config, "methods"):
        _resolve_method(place, entry, config)
    _require_alike(config["datasets"])
    _require_distinct("datasets", [f"{entry['name']} {entry['protocol_id']}" for entry in config["datasets"]])
    _require_distinct("backbones", [entry["label"] for entry in config["backbones"]])
    _require_distinct("methods", [entry["label"] for entry in config["methods"]])
    if config["pretrained"]:
        _require_bundles(config)


def require_drawable(config: Entry) -> None:
    """Raise ConfigError if a protocol takes more images of a class than names of files and lists show; reads no image.

    Once, when a run is planned: jobs resolve the config too, and folders can be large.

    Parameters
    ----------
    config : resolved

    Raises
    ------
    ConfigError
        a class, or a dataset, has too few images; the line names them with their numbers
    L2HError
        the folders or lists cannot be used at all
    """
    if config["pretrained"]:  # bundles hold the splits
        return
    known: dict[str, tuple[Any, datasets.Dataset]] = {}
    for place, entry in _entries(config, "datasets"):
        if entry["missing"] or entry["dealing"] is None:
            continue
        if entry["name"] not in known:
            dataset = _dataset(entry, config)
            known[entry["name"]] = dataset.known_labels(), dataset
        labels, dataset = known[entry["name"]]
        try:
            if labels is not None:
                require_enough(labels, entry["protocol"], Protocol(**entry["dealing"]), dataset.classes)
        except L2HError as error:
            raise ConfigError(f"config key {place}.protocol: {error}") from error


def complete(config: Entry, schema_path: str | Path) -> None:
    """The first part of `resolve`, which follows from the schema alone: no plug-in is run, no other file read."""
    schema = yaml.safe_load(Path(schema_path).read_text(encoding="utf-8"))
    _require_small(config)
    if isinstance(config.get("pretrained"), str):
        config["pretrained"] = [config["pretrained"]]
    for key, name in (("datasets", "name"), ("backbones", "name"), ("methods", "method")):
        if isinstance(config.get(key), list):
            config[key] = [{name: entry} if isinstance(entry, str) else entry for entry in config[key]]
    _fill(config, schema)
    # a mistyped key is named, and not the one that is missing because of it
    errors = sorted(
        _Validator(schema).iter_errors(config),
        key=lambda error: (len(error.path), str(error.path), error.validator != "additionalProperties"),
    )
    if errors:
        raise ConfigError(_sentence(errors[0]))


def declared(config: Entry, schema_path: str | Path) -> Entry:
    """A resolved config without what was derived from it: what a config file may say."""
    return _declared(config, yaml.safe_load(Path(schema_path).read_text(encoding="utf-8")))


def _require_small(config: Entry) -> None:
    left: list[Any] = [config]
    for _ in range(MAX_VALUES):
        if not left:
            return
        value = left.pop()
        if isinstance(value, dict | list):
            left.extend(value.values() if isinstance(value, dict) else value)
    raise ConfigError(f"config: it has more than {MAX_VALUES} values; write it without aliases (&name, *name)")


def _resolve_mirror(config: Entry) -> None:
    place = "config key dataset_mirror"
    if config["dataset_mirror"] is None:
        place = f"environment variable {MIRROR_VARIABLE}"
        config["dataset_mirror"] = os.environ.get(MIRROR_VARIABLE) or None
    mirror = config["dataset_mirror"]
    if mirror is not None and not Path(mirror).is_dir():
        raise ConfigError(f"{place}: {mirror!r} is no folder (paths are relative to the working directory)")


def _require_bundles(config: Entry) -> None:
    from l2h.bundles.matching import require_bundles

    try:
        require_bundles(config)
    except L2HError as error:
        raise ConfigError(f"config key pretrained: {error}") from error


def _resolve_dataset(place: str, entry: Entry, config: Entry) -> None:
    name: str = entry["name"]
    key = "reader" if "reader" in entry else "name"
    reader: str = entry.setdefault("reader", name)
    own = "" if key == "reader" else "; for a folder of pictures of your own add `reader: image_list` to the name"
    _lookup(f"{place}.{key}", datasets.registry, reader, own)
    if name != reader and name in datasets.available():
        raise ConfigError(f"config key {place}.name: {name!r} is the name of a data set of its own; choose another")
    try:
        dataset = _dataset(entry, config)
    except (L2HError, TypeError) as error:
        raise ConfigError(f"config key {place}.params: {error}") from error
    entry["missing"] = None if config["pretrained"] else dataset.missing()  # bundles bring all they need
    entry.setdefault("shards", config["ranking"]["shards"])
    _resolve_protocol(place, entry, dataset)


def _dataset(entry: Entry, config: Entry) -> datasets.Dataset:
    return datasets.make(entry["reader"], Sources(DOWNLOADS, config["dataset_mirror"]), **entry["params"])


def _resolve_protocol(place: str, entry: Entry, dataset: datasets.Dataset) -> None:
    given = entry.setdefault("protocol", next(iter(dataset.protocols)))
    known = dict(dataset.protocols)
    published = {
        name: how for other in datasets.available() for name, how in datasets.registry.get(other).protocols.items()
    }
    if dataset.any_protocol:
        known |= {name: how for name, how in published.items() if how is not None}
    if isinstance(given, str):
        _require_member(f"{place}.protocol", given, f"a protocol of {entry['reader']}", list(known))
        name, dealing = given, known[given]
    elif not dataset.any_protocol:
        raise ConfigError(
            f"config key {place}.protocol: {entry['reader']} has protocols of its own; choose one of {', '.join(known)}"
        )
    elif given["name"] in published:
        raise ConfigError(f"config key {place}.protocol.name: {given['name']!r} is another protocol's; choose another")
    else:
        name = given["name"]
        try:
            dealing = Protocol(**{key: value for key, value in given.items() if key != "name"})
        except L2HError as error:
            raise ConfigError(f"config key {place}.protocol: {error}") from error
    if dealing is None and entry["split_seed"] != 0:
        raise ConfigError(f"config key {place}.split_seed: protocol {name} draws nothing; remove the key")
    entry["protocol"] = name
    entry["dealing"] = None if dealing is None else asdict(dealing)
    entry["protocol_id"] = name if entry["split_seed"] == 0 else f"{name}-seed{entry['split_seed']}"


def _resolve_backbone(place: str, entry: Entry, config: Entry) -> None:
    try:
        backbone = backbones.registry.get(entry["name"])
        backbone.check_packages()
    except L2HError as error:
        raise ConfigError(f"config key {place}.name: {error}") from error
    layer = entry.setdefault("layer", backbone.layers[0])
    _require_member(f"{place}.layer", layer, f"a layer of {entry['name']}", list(backbone.layers))
    stem = entry["name"].replace(":", ".")  # as in a file's name
    entry.setdefault("label", f"{stem}-{layer}")
    if entry["label"] == EXTERNAL:
        raise ConfigError(
            f"config key {place}.label: {EXTERNAL!r} stands for codes from elsewhere; choose another label"
        )
    # None: the network itself knows, once it is built
    side = entry.setdefault("input_size", getattr(backbone, "input_size", None))
    if side is not None and side < backbone.min_size:
        raise ConfigError(
            f"config key {place}.input_size: {side} is too small for {entry['name']}, "
            f"which needs at least {backbone.min_size}"
        )
    weights = entry.setdefault("weights", next(iter(backbone.pretrained), UNTRAINED))
    path = Path(weights)
    _require_literal(f"{place}.weights", weights)
    entry["local"] = weights != UNTRAINED and weights not in backbone.pretrained
    if weights == UNTRAINED:
        entry["source"] = which = f"{UNTRAINED}-{entry['weights_seed']}"
    elif weights in backbone.pretrained:
        entry["source"] = which = weights
    elif path.suffix == ".safetensors" and (path.is_file() or config["pretrained"]):
        entry["source"] = re.sub(r"[^A-Za-z0-9_.-]", "_", path.stem)
        # a bundle's features do without the weights
        which = f"{entry['source']}-{file_sha256(path)[:12]}" if path.is_file() else entry["source"]
    else:
        names = ", ".join([*backbone.pretrained, UNTRAINED])
        raise ConfigError(
            f"config key {place}.weights: {weights!r} is neither one of {names} nor an existing .safetensors file"
            f"{hint(weights, [*backbone.pretrained, UNTRAINED])}; paths are relative to the working directory"
        )
    entry["weights_id"] = f"{stem}-{which}"
    size, processor = f"{side or 'own'}px", f"{config['device']}{config['threads']['features']}"
    entry["id"] = "-".join([stem, layer, which, size, entry["precision"], entry["dtype"], processor])


def _resolve_method(place: str, entry: Entry, config: Entry) -> None:
    method = entry["method"]
    entry.setdefault("label", method)
    cls = _lookup(f"{place}.method", hashing.registry, method)
    if cls.scopes:
        scope = entry.setdefault("scope", cls.scopes[0])
        _require_member(f"{place}.scope", scope, f"a scope of {method}", list(cls.scopes))
        arguments = {"device": config["device"], "scope": scope}
    elif entry.setdefault("scope", cls.kind) != cls.kind:
        raise ConfigError(f"config key {place}.scope: {method} has no scopes to choose from; remove the key")
    else:
        arguments = {}
    for name in entry["params"]:
        if not isinstance(name, str):
            raise ConfigError(f"config key {place}.params: {name!r} is no parameter name")
        if name in ("bits", "random_state", "scope", "device"):
            raise ConfigError(f"config key {place}.params.{name}: set it by its own key of the config, not in params")
    make = full.make if entry["scope"] == FULL else hashing.make

    def made(bits: int) -> Any:
        return make(method, bits=bits, **arguments, **entry["params"])

    impossible: dict[int, str] = {}
    for bits in config["bits"]:
        try:
            made(bits)
        except L2HError as error:
            impossible[bits] = str(error)
    possible = [bits for bits in config["bits"] if bits not in impossible]
    try:
        one = made(next(iter(possible), SOUND_BITS))
    except L2HError as error:  # it is not the length
        raise ConfigError(f"config key {place}.params: {error}") from error
    entry["impossible"] = impossible
    # all of them, so that spelling out a default changes nothing
    given = one.get_params()
    entry["arguments"] = {name: given[name] for name in sorted(given) if name not in ("bits", "random_state")}
    estimator = one.method if isinstance(one, full.FullMethod) else one
    entry["supervised"] = estimator.__sklearn_tags__().target_tags.required
    entry["deterministic"] = estimator.deterministic
    entry["results"] = {}
    for dataset in config["datasets"]:
        if dataset["missing"]:
            continue
        name, protocol = dataset["name"], dataset["protocol_id"]
        try:
            found = one.lengths_and_seeds(name, protocol, possible, config["seeds"])
        except L2HError as error:
            raise ConfigError(f"config key {place}: {error}") from error
        entry["results"][f"{name}/{protocol}"] = found


def _fill(value: Any, schema: Entry) -> Any:
    """Set the schema's defaults where a mapping lacks a key; what does not fit is left to the validator.

    Snakemake hands numbers inside a list or mapping that comes by --config over as text; they become numbers again.
    """
    if isinstance(value, dict):
        for key, part in schema.get("properties", {}).items():
            if "default" in part:
                default = part["default"]
                value.setdefault(key, default.copy() if isinstance(default, dict | list) else default)
            if key in value:
                value[key] = _fill(value[key], part)
    elif isinstance(value, list):
        value[:] = [_fill(item, schema.get("items", {})) for item in value]
    elif isinstance(value, str) and schema.get("type") == "integer" and value.isdecimal():
        return int(value)
    return value


def _declared(value: Any, schema: Entry) -> Any:
    if isinstance(value, dict) and "properties" in schema:
        return {key: _declared(value[key], part) for key, part in schema["properties"].items() if key in value}
    if isinstance(value, list):
        return [_declared(item, schema.get("items", {})) for item in value]
    return value


def _sentence(error: Any) -> str:
    """A schema violation as one line: which key, what it is, what it may be."""
    place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error.path).lstrip(".")
    where = f"config key {place}: " if place else "config: "
    schema = error.schema
    if error.validator == "additionalProperties":
        unknown = [key for key in error.instance if key not in schema["properties"]]
        named = ", ".join(f"{key!r}{hint(key, schema['properties'])}" for key in unknown)
        return f"{where}unknown key {named}; allowed are {', '.join(schema['properties'])}"
    if error.validator == "required":
        missing = [key for key in error.validator_value if key not in error.instance]
        return f"{where}the key {missing[0]!r} is missing"
    if error.validator == "type":
        kinds = [error.validator_value] if isinstance(error.validator_value, str) else error.validator_value
        what = " or ".join(KINDS[kind] for kind in kinds) + (f", {_limits(schema)}" if _limits(schema) else "")
        cure = f"; write [{error.instance}]" if "array" in kinds and not isinstance(error.instance, dict) else ""
        return f"{where}{error.instance!r} is not {what}{cure}"
    if error.validator == "minItems":
        return f"{where}the list is empty; name at least one"
    if error.validator == "enum":
        return f"{where}{error.instance!r} is not one of {', '.join(error.validator_value)}"
    if error.validator in LIMITS:
        return f"{where}{error.instance!r} is out of range; allowed is {_limits(schema)}"
    if error.validator == "pattern":
        return (
            f"{where}{error.instance!r} may hold letters, digits, '_', '.' and '-', and begins with a letter or digit"
        )
    return f"{where}{error.message}"


def _limits(schema: Entry) -> str:
    return " and ".join(f"{words} {schema[limit]}" for limit, words in LIMITS.items() if limit in schema)


def _entries(config: Entry, key: str) -> Iterator[tuple[str, Entry]]:
    return ((f"{key}[{number}]", entry) for number, entry in enumerate(config[key]))


def _lookup(place: str, registry: Any, name: str, cure: str = "") -> Any:
    try:
        return registry.get(name)
    except L2HError as error:
        raise ConfigError(f"config key {place}: {error}{cure}") from error


def _require_literal(place: str, path: str) -> None:
    if "{" in path or "}" in path:
        raise ConfigError(f"config key {place}: {path!r} holds braces, which are Snakemake's; rename it")


def _require_member(place: str, value: str, what: str, allowed: list[str]) -> None:
    if value not in allowed:
        choice = f"choose one of {', '.join(allowed)}"
        raise ConfigError(f"config key {place}: {value!r} is not {what}{hint(value, allowed)}; {choice}")


def _require_alike(entries: list[Entry]) -> None:
    """Entries of one data set differ in how it is dealt out, and in nothing else."""
    first: dict[str, Entry] = {}
    for entry in entries:
        other = first.setdefault(entry["name"], entry)
        for key in ("reader", "params", "shards"):
            if entry[key] != other[key]:
                raise ConfigError(
                    f"config key datasets: {entry['name']!r} stands there with different {key}; make them the same, or "
                    "give each its own name"
                )


def _require_distinct(key: str, labels: list[str]) -> None:
    for label, count in Counter(labels).items():
        if count > 1:
            raise ConfigError(f"config key {key}: {label!r} stands there {count} times; give each entry its own label")
