"""Check that a bundle's files match its manifest and each other."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from l2h import splits
from l2h.bundles.manifest import MANIFEST, Manifest, ModelKey
from l2h.errors import L2HError
from l2h.ids import find
from l2h.store.manifests import read_manifest
from l2h.store.models import read_model
from l2h.store.splits import read_split
from l2h.store.tables import read_metadata

# keys of the manifest, and the metadata of a features file that they must match
NOTED = {
    "name": "backbone",
    "layer": "layer",
    "source": "weights",
    "weights_sha256": "weights_sha256",
    "input_size": "input_size",
    "precision": "precision",
}


def check(folder: Path, manifest: Manifest) -> None:
    """Raise L2HError with file, value and expected value unless all files of an unpacked bundle are consistent."""
    images = read_manifest(folder / "manifest.parquet")
    hashes = {}
    for protocol in manifest.protocols:
        hashes[protocol] = _check_split(folder / "splits" / f"{protocol}.parquet", protocol, images)
    for label, entry in manifest.backbones.items():
        _check_features(folder / "features" / f"{label}.parquet", entry)
    for model in manifest.models:
        _check_model(folder / model.folder, model, manifest, hashes[model.protocol])


def _check_split(path: Path, protocol: str, images: pa.Table) -> str:
    """Check a split, including for leaks, as for every split made here; return its sha256."""
    split = read_split(path)
    _require_same(path, "protocol", split.protocol, protocol)
    splits.check(split, allow_lone_queries=True)  # decided by the config that made it
    rows, found = find(split.table["id"].to_numpy(), images["id"].to_numpy())
    if not found.all():
        raise L2HError(f"{path} has images that manifest.parquet lacks, such as id {split.table['id'][found.argmin()]}")
    listed = images.take(rows)
    same_bytes = pc.all(pc.equal(listed["image_sha256"], split.table["image_sha256"])).as_py()
    if not same_bytes or listed["labels"].to_pylist() != split.table["labels"].to_pylist():
        raise L2HError(f"image hashes or labels in {path} differ from manifest.parquet")
    return split.sha256


def _check_features(path: Path, entry: dict[str, Any]) -> None:
    metadata = read_metadata(path, *NOTED.values())
    for key, name in NOTED.items():
        if key == "input_size" and entry.get(key) is None:
            continue  # the config did not set it
        _require_same(path, name, metadata[name], str(entry.get(key)))


def _check_model(folder: Path, model: ModelKey, manifest: Manifest, split_sha256: str) -> None:
    description, _ = read_model(folder)
    variant = manifest.variants[model.variant]
    expected = {
        "method": {"method": variant.get("method")},
        "params": {**_mapping(variant.get("arguments")), "bits": model.bits, "random_state": model.seed},
        "data": {
            **{name: str(value) for name, value in model._asdict().items()},
            "dataset": manifest.dataset,
            "scope": variant.get("scope"),
            "split_sha256": split_sha256,
        },
    }
    params, data = _mapping(description.get("params")), _mapping(description.get("data"))
    found = {
        "method": {"method": description.get("method")},
        "params": params,
        "data": {name: data.get(name) for name in expected["data"]},
    }
    for part, values in expected.items():
        for name in sorted(values.keys() | found[part].keys()):
            _require_same(folder / "model.json", name, found[part].get(name), values.get(name))


def _require_same(path: Path, name: str, found: Any, expected: Any) -> None:
    if found != expected:
        raise L2HError(f"{path} has {name} {found!r}, but {MANIFEST} and its path say {expected!r}")


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
