"""Check that bundles hold what a config needs."""

import json
from collections.abc import Iterable
from typing import Any

from l2h import hashing
from l2h.bundles.archive import read_bundle_manifest
from l2h.bundles.manifest import Manifest
from l2h.errors import L2HError
from l2h.hashing.base import FittedMethod

Entry = dict[str, Any]

CURE = "change the config, or use another bundle"
# keys of the config that a backbone's features depend on
FEATURES = ("name", "layer", "source", "input_size", "precision", "dtype")
DIGITS = 12  # digits of a local weights file's sha256 in the name of its features


def require_bundles(config: Entry) -> None:
    """Raise L2HError, naming what is available, unless the bundles hold everything that a resolved config needs.

    Each dataset has its own bundle; with bundles, nothing is trained. A bundle may hold more.
    """
    bundles: dict[str, tuple[str, Manifest]] = {}
    for path in config["pretrained"]:
        manifest = read_bundle_manifest(path)
        if manifest.dataset in bundles:
            raise L2HError(
                f"{path} and {bundles[manifest.dataset][0]} both hold {manifest.dataset!r}; name one of them"
            )
        bundles[manifest.dataset] = path, manifest
    names = list(dict.fromkeys(entry["name"] for entry in config["datasets"]))
    for name, (path, _) in bundles.items():
        if name not in names:
            raise L2HError(f"{path} holds the dataset {name}, but the config names {', '.join(names)}; {CURE}")
    for name in names:
        if name not in bundles:
            raise L2HError(f"no bundle holds the dataset {name}, only {', '.join(bundles)}; add its bundle, or {CURE}")
    for entry in config["datasets"]:
        path, manifest = bundles[entry["name"]]
        _require_held(path, "protocol", entry["protocol_id"], manifest.protocols)
        for backbone in config["backbones"]:
            _match_backbone(path, manifest, backbone)
            for variant in config["methods"]:
                if issubclass(hashing.registry.get(variant["method"]), FittedMethod):
                    _match_variant(path, manifest, variant)
                    _match_cells(path, manifest, entry, backbone["label"], variant)


def _match_backbone(path: str, manifest: Manifest, entry: Entry) -> None:
    label = entry["label"]
    _require_held(path, "backbone", label, manifest.backbones)
    held = manifest.backbones[label]
    for key in (*FEATURES, *sorted(held.keys() - {*FEATURES, "weights_sha256"})):
        _require_same(path, f"the backbone {label} with {key}", entry.get(key), held.get(key))
    digest = entry["weights_id"].rpartition(entry["source"])[2].removeprefix("-")
    if digest:
        _require_same(
            path, f"the backbone {label} with weights of sha256", digest, str(held.get("weights_sha256"))[:DIGITS]
        )


def _match_variant(path: str, manifest: Manifest, entry: Entry) -> None:
    label = entry["label"]
    _require_held(path, "method", label, manifest.variants)
    held = manifest.variants[label]
    for key in ("method", "scope"):
        _require_same(path, f"{label} with {key}", entry[key], held.get(key))
    ours, theirs = (_portable(arguments) for arguments in (entry["arguments"], held.get("arguments")))
    for name in sorted(ours.keys() | theirs.keys()):
        _require_same(path, f"{label} with {name}", ours.get(name), theirs.get(name))


def _match_cells(path: str, manifest: Manifest, dataset: Entry, backbone: str, entry: Entry) -> None:
    key = dataset["protocol_id"], backbone, entry["label"]
    held = [model for model in manifest.models if model[:3] == key]
    what = f"{entry['label']} ({key[0]}, {backbone})"
    for bits, seed in entry["results"][f"{dataset['name']}/{key[0]}"]:
        _require_held(path, f"{what} of bits", bits, dict.fromkeys(model.bits for model in held))
        same_bits = [model.seed for model in held if model.bits == bits]
        _require_held(path, f"{what} of {bits} bits and seed", seed, same_bits)


def _portable(arguments: Any) -> Entry:
    """Arguments in JSON's types, without the device, which depends on the machine."""
    plain = json.loads(json.dumps(arguments)) if isinstance(arguments, dict) else {}
    return {name: value for name, value in plain.items() if name != "device"}


def _require_held(path: str, what: str, value: Any, held: Iterable[Any]) -> None:
    some = list(held)
    if value not in some:
        raise L2HError(f"{path} holds no {what} {value}, only {', '.join(map(str, some)) or 'others'}; {CURE}")


def _require_same(path: str, what: str, asked: Any, held: Any) -> None:
    if asked != held:
        raise L2HError(f"{path} holds {what} {held!r}, but the config asks for {asked!r}; {CURE}")
