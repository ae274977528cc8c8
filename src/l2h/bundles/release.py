"""Write a bundle."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import l2h
from l2h.bundles import archive
from l2h.bundles.manifest import FORMAT, MANIFEST, MODEL_FILES, kind, parse
from l2h.store.tables import read_metadata

if TYPE_CHECKING:
    from l2h.backbones.base import Backbone

LICENCES = {"l2h": "MIT, see LICENSE in its repository"}


def release(
    path: str | Path,
    files: Mapping[str, str | Path],
    *,
    dataset: str,
    backbones: Mapping[str, Mapping[str, Any]],
    variants: Mapping[str, Mapping[str, Any]],
    licences: Mapping[str, str],
    config: Mapping[str, Any],
) -> None:
    """Write a dataset's bundle as a plain tar archive (its tables are compressed already), the manifest first.

    Parameters
    ----------
    files : path in the bundle -> file, or a model's folder
    dataset : name of the dataset
    backbones : label -> what the features depend on; the sha256 of the weights is added from their file
    variants : label -> method, scope and arguments of the models
    licences : what -> licence, of the dataset and the weights; the package's own is added
    config : a config that reproduces the bundle
    """
    contents: dict[str, bytes | Path] = {"config.json": _json(config)}
    for name, file in files.items():
        parts = [f"/{part}" for part in MODEL_FILES] if name.startswith("models/") else [""]
        contents.update({name + part: Path(f"{file}{part}") for part in parts})
    contents = dict(sorted(contents.items()))
    members = {name: archive.measure(content) for name, content in contents.items()}
    manifest = _json(
        {
            "format": FORMAT,
            "l2h_version": l2h.__version__,
            "dataset": dataset,
            "backbones": {label: _with_weights(entry, files, label) for label, entry in backbones.items()},
            "variants": variants,
            "licences": {**LICENCES, **licences},
            "members": {name: {"what": kind(name), **member._asdict()} for name, member in members.items()},
        }
    )
    members[MANIFEST] = parse(manifest, str(path)).members[MANIFEST]
    archive.write(path, {MANIFEST: manifest, **contents}, members)


def weights_licence(backbone: "type[Backbone]", source: str, local: bool) -> str:
    """The licence of a backbone's weights: the user's own file, published, or random."""
    if local:
        return "as stated by the owner of the file"
    return backbone.licence if source in backbone.pretrained else "none needed: drawn at random"


def _with_weights(entry: Mapping[str, Any], files: Mapping[str, str | Path], label: str) -> dict[str, Any]:
    metadata = read_metadata(files[f"features/{label}.parquet"], "weights_sha256")
    return {**entry, "weights_sha256": metadata["weights_sha256"]}


def _json(content: Mapping[str, Any]) -> bytes:
    return (json.dumps(content, indent=1, sort_keys=True, allow_nan=False) + "\n").encode()
