"""The `manifest.json` of a bundle: its files with size and sha256, and their origin."""

import hashlib
import json
import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from l2h.errors import L2HError

FORMAT = 1
MANIFEST = "manifest.json"
MODEL_FILES = ("model.json", "model.safetensors")
CURE = "download the bundle again"

# No bundle of ours is larger than this; without limits a small archive could fill memory.
MAX_MEMBERS = 50_000
MAX_JSON = 16 * 2**20

_NAME = "[A-Za-z0-9][A-Za-z0-9_.-]*"
# All files that a bundle can hold. Other paths are never opened, so none can leave the bundle's folder.
_CONFIG = re.compile(r"config\.json")
_IMAGES = re.compile(r"manifest\.parquet")
_SPLIT = re.compile(rf"splits/({_NAME})\.parquet")
_FEATURES = re.compile(rf"features/({_NAME})\.parquet")
_NUMBER = "0|[1-9][0-9]{0,9}"
_MODEL = re.compile(
    rf"models/({_NAME})/({_NAME})/({_NAME})/({_NUMBER})bits-seed({_NUMBER})/model\.(?:json|safetensors)"
)
_KINDS = {
    _CONFIG: "config of the run",
    _IMAGES: "ids, image hashes and labels; no images",
    _SPLIT: "split",
    _FEATURES: "features",
    _MODEL: "trained model",
}
_KEYS = {
    "format": int,
    "l2h_version": str,
    "dataset": str,
    "backbones": dict,
    "variants": dict,
    "licences": dict,
    "members": dict,
}


class Member(NamedTuple):
    """A file's bytes and their hex sha256."""

    size: int
    sha256: str


class ModelKey(NamedTuple):
    """The key of a model in a bundle."""

    protocol: str
    backbone: str
    variant: str
    bits: int
    seed: int

    @property
    def folder(self) -> str:
        """The model's folder in the bundle."""
        return f"models/{self.protocol}/{self.backbone}/{self.variant}/{self.bits}bits-seed{self.seed}"


@dataclass(frozen=True)
class Manifest:
    """A bundle's manifest, with its form checked.

    Attributes
    ----------
    dataset : the dataset's name
    backbones : label -> name, layer, source, input_size, precision, dtype, weights_sha256 of the features
    variants : label -> method, scope and arguments of the models
    members : path -> size and sha256, including the manifest itself
    """

    dataset: str
    backbones: dict[str, dict[str, Any]]
    variants: dict[str, dict[str, Any]]
    members: dict[str, Member]

    @property
    def id(self) -> str:
        """The first digits of the manifest's sha256, which identifies the whole content of the bundle."""
        return self.members[MANIFEST].sha256[:16]

    @cached_property
    def protocols(self) -> list[str]:
        """Ids of the splits."""
        return [match[1] for match in map(_SPLIT.fullmatch, self.members) if match]

    @property
    def tables(self) -> list[str]:
        """Paths of the parquet files."""
        return [path for path in self.members if path.endswith(".parquet")]

    @cached_property
    def models(self) -> dict[ModelKey, None]:
        """The models, sorted by their paths."""
        matches = filter(None, map(_MODEL.fullmatch, self.members))
        return dict.fromkeys(ModelKey(match[1], match[2], match[3], int(match[4]), int(match[5])) for match in matches)

    def expect(self, path: str, size: int, place: str) -> Member:
        """The entry of a file that was found; raises L2HError if the file is not listed or has another size."""
        if path not in self.members:
            raise L2HError(f"{place}: {path!r} is not listed in {MANIFEST}; {CURE}")
        member = self.members[path]
        if size != member.size:
            raise L2HError(f"{place}: {path} has {size} bytes, {MANIFEST} says {member.size}; {CURE}")
        return member


def kind(path: str) -> str | None:
    """Describe a file of a bundle by its path; None if no bundle has such a path."""
    return next((words for form, words in _KINDS.items() if form.fullmatch(path)), None)


def parse(data: bytes, place: str) -> Manifest:
    """Check a manifest's form.

    Parameters
    ----------
    data : the bytes of `manifest.json`
    place : the bundle's name in errors

    Raises
    ------
    L2HError
        it is not JSON, has a newer format, lists a path that a bundle cannot have, or lacks a required file
    """
    try:
        content = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise L2HError(f"{place}: {MANIFEST} is not valid JSON ({error}); {CURE}") from error
    if not isinstance(content, dict):
        raise L2HError(f"{place}: {MANIFEST} is not a JSON object; {CURE}")
    number = content.get("format")
    if isinstance(number, int) and number > FORMAT:
        raise L2HError(
            f"{place} has the bundle format {number}, made by l2h {content.get('l2h_version')!r}; this version reads "
            f"formats up to {FORMAT}: update l2h"
        )
    for key, expected in _KEYS.items():
        if type(content.get(key)) is not expected:
            found = repr(content[key])[:80] if key in content else "missing"
            raise L2HError(f"{place}: {key!r} of {MANIFEST} is {found}, but {expected.__name__} is expected; {CURE}")
    for name in (content["dataset"], *content["backbones"], *content["variants"]):
        if not re.fullmatch(_NAME, name):
            raise L2HError(f"{place}: {MANIFEST} has the name {name[:80]!r}, which is invalid in a path; {CURE}")
    for key in ("backbones", "variants"):
        if not all(isinstance(entry, dict) for entry in content[key].values()):
            raise L2HError(f"{place}: an entry of {key!r} of {MANIFEST} is not a JSON object; {CURE}")
    members = _members(content["members"], place)
    members[MANIFEST] = Member(len(data), hashlib.sha256(data).hexdigest())
    manifest = Manifest(content["dataset"], content["backbones"], content["variants"], members)
    _require_whole(manifest, place)
    return manifest


def _members(entries: dict[str, Any], place: str) -> dict[str, Member]:
    if len(entries) > MAX_MEMBERS:
        raise L2HError(f"{place}: {MANIFEST} lists {len(entries)} files, over the limit of {MAX_MEMBERS}")
    members = {}
    for path, entry in entries.items():
        if kind(path) is None:
            raise L2HError(f"{place}: {MANIFEST} lists {path[:80]!r}, a path that no file of a bundle can have; {CURE}")
        size, sha256 = (entry.get("size"), entry.get("sha256")) if isinstance(entry, dict) else (None, None)
        if type(size) is not int or size < 0 or not isinstance(sha256, str) or not re.fullmatch("[0-9a-f]{64}", sha256):
            raise L2HError(f"{place}: {MANIFEST} gives no size and sha256 of {path}; {CURE}")
        if path.endswith(".json") and size > MAX_JSON:
            raise L2HError(f"{place}: {path} is listed with {size} bytes, over the limit of {MAX_JSON} for JSON")
        members[path] = Member(size, sha256)
    return members


def _require_whole(manifest: Manifest, place: str) -> None:
    """Raise L2HError unless the manifest's descriptions and its list of files match."""
    needed = ["config.json", "manifest.parquet"]
    needed += [f"features/{backbone}.parquet" for backbone in manifest.backbones]
    for model in manifest.models:
        needed += [f"splits/{model.protocol}.parquet", f"features/{model.backbone}.parquet"]
        needed += [f"{model.folder}/{name}" for name in MODEL_FILES]
        if model.variant not in manifest.variants:
            raise L2HError(f"{place}: {MANIFEST} lists {model.folder}, but does not describe {model.variant!r}; {CURE}")
    for path in needed:
        if path not in manifest.members:
            raise L2HError(f"{place}: {MANIFEST} does not list {path}, which belongs to it; {CURE}")
    for match in filter(None, map(_FEATURES.fullmatch, manifest.members)):
        if match[1] not in manifest.backbones:
            raise L2HError(f"{place}: {MANIFEST} lists {match[0]}, but does not describe {match[1]!r}; {CURE}")
