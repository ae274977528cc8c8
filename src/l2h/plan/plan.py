"""The plan of a run: its cells, and what each job reads, depends on and needs."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache, cached_property
from pathlib import Path
from typing import Any, NamedTuple

from l2h import backbones, charts, datasets, hashing, metrics, paths
from l2h.backbones.weights import UNTRAINED, file_sha256
from l2h.bundles.archive import read_bundle_manifest
from l2h.config import EXTERNAL
from l2h.datasets import followed
from l2h.datasets.downloads import Sources
from l2h.hashing import FULL
from l2h.hashing.base import Hasher
from l2h.hashing.deep import DeepHasher
from l2h.hashing.external import External
from l2h.hashing.scorer import Scorer
from l2h.plan import code

Entry = dict[str, Any]
Wildcards = Mapping[str, str]


class CellKey(NamedTuple):
    """The key of a cell in paths; exact search, which has no code, has 0 bits."""

    dataset: str
    protocol: str
    backbone: str
    variant: str
    bits: int
    seed: int

    def path(self, template: str) -> str:
        """A path of this cell, from a template of `l2h.paths`."""
        return template.format(**self._asdict())


class Plan:
    """The plan of one run.

    `wildcards` are those of a job, by name.

    Parameters
    ----------
    config : resolved by `l2h.config.resolve`
    run : the run's name

    Attributes
    ----------
    folder : the run's folder
    datasets : entries of the available datasets, by name
    protocols : the same, by name and protocol
    embedded : names of the datasets with features but no images; their backbone's label is paths.EMBEDDINGS
    backbones, features, weights : entries by their label, by the name of their features, and of their weights
    variants : entries of the methods by their label
    bundles : manifests of the bundles that the run takes its models from, by path
    unpacked : folders of the bundles' datasets, by dataset
    cells : of the comparison, in the order of the config; external codes come last
    """

    def __init__(self, config: Entry, run: str):
        self.config = config
        self.run = run
        self.folder = paths.RUN.format(run=run)
        there = [entry for entry in config["datasets"] if not entry["missing"]]
        self.datasets = {entry["name"]: entry for entry in there}
        self.protocols = {(entry["name"], entry["protocol_id"]): entry for entry in there}
        self.embedded = [name for name, entry in self.datasets.items() if not entry["images"]]
        self.backbones = {entry["label"]: entry for entry in config["backbones"]}
        self.features = {entry["id"]: entry for entry in config["backbones"]}
        self.weights = {entry["weights_id"]: entry for entry in config["backbones"]}
        self.variants = {entry["label"]: entry for entry in config["methods"]}
        self._contents: dict[str, str] = {}
        self.bundles = {path: read_bundle_manifest(path) for path in config["pretrained"]}
        self.unpacked = {one.dataset: paths.BUNDLE.format(bundle=one.id) for one in self.bundles.values()}

    @cached_property
    def cells(self) -> list[CellKey]:  # noqa: D102 (see the class)
        return [
            CellKey(dataset, protocol, backbone, variant, bits, seed)
            for dataset, protocol in self.protocols
            for backbone in [*self.backbones_of(dataset), EXTERNAL]
            for variant, entry in self.variants.items()
            if self._is(variant, External) == (backbone == EXTERNAL)
            for bits, seed in entry["results"][f"{dataset}/{protocol}"]
        ]

    @cached_property
    def not_run(self) -> list[dict[str, Any]]:
        """What cannot run, as known in advance: missing datasets, and impossible code lengths."""
        absent = [entry for entry in self.config["datasets"] if entry["missing"]]
        found = [
            {"dataset": entry["name"], "protocol": entry["protocol_id"], "not_run": entry["missing"]}
            for entry in absent
        ]
        for dataset, protocol in self.protocols:
            for backbone in self.backbones_of(dataset):
                for variant, entry in self.variants.items():
                    key = {"dataset": dataset, "protocol": protocol, "backbone": backbone, **self._method(variant)}
                    unfit = entry["unfit"].get(f"{dataset}/{protocol}")
                    impossible = dict.fromkeys(self.config["bits"], unfit) if unfit else entry["impossible"]
                    found += [{**key, "bits": bits, "not_run": why} for bits, why in impossible.items()]
        return found

    def backbones_of(self, dataset: str) -> list[str]:
        """Labels of the possible sources of a dataset's features."""
        return [paths.EMBEDDINGS] if dataset in self.embedded else [*self.backbones]

    # Variants

    def kind(self, *kinds: type, full: bool | None = None) -> list[str]:
        """The variants of some kinds of methods: those trained from images, or all others."""
        return [
            name
            for name, entry in self.variants.items()
            if self._is(name, *(kinds or (object,))) and full in (None, entry["scope"] == FULL)
        ]

    def labelled(self, what: str) -> list[str]:
        """The variants whose entry has "supervised", or "deterministic", set."""
        return [name for name, entry in self.variants.items() if entry[what]]

    def method(self, variant: str) -> Any:
        """The class of a variant's method."""
        return hashing.registry.get(self.variants[variant]["method"])

    def _is(self, variant: str, *kinds: type) -> bool:
        return issubclass(self.method(variant), kinds)

    def _method(self, variant: str) -> dict[str, str]:
        entry = self.variants[variant]
        return {"variant": variant, "method": entry["method"], "scope": entry["scope"]}

    # Cells

    def cells_of(self, wildcards: Wildcards) -> list[CellKey]:
        """The cells selected by a job's wildcards."""
        asked = {name: str(wildcards[name]) for name in CellKey._fields if name in wildcards.keys()}  # noqa: SIM118
        return [cell for cell in self.cells if all(str(getattr(cell, name)) == asked[name] for name in asked)]

    def settings(self, external: bool = True) -> list[dict[str, str]]:
        """Each dataset, protocol and backbone that has cells, with or without external codes."""
        found = dict.fromkeys(cell[:3] for cell in self.cells if external or cell.backbone != EXTERNAL)
        return [dict(zip(CellKey._fields, setting, strict=False)) for setting in found]

    def of_settings(self, template: str, external: bool = True) -> list[str]:
        """A file of each setting."""
        return [template.format(**setting) for setting in self.settings(external)]

    def cells_of_kind(self, wildcards: Wildcards, *kinds: type) -> list[CellKey]:
        """Those of some kinds of methods; sorted, so that reordering the config reruns nothing."""
        return sorted(cell for cell in self.cells_of(wildcards) if self._is(cell.variant, *kinds))

    def measured(self, wildcards: Wildcards, full: bool | None = None) -> list[CellKey]:
        """The cells of a setting whose codes are computed here, at the first seed, for costs and audit."""
        known = self.kind(Hasher, full=full)
        own = [cell for cell in self.cells_of(wildcards) if cell.variant in known]
        return sorted(cell for cell in own if cell.seed == self.config["seeds"][0])

    def shown(self, wildcards: Wildcards) -> list[CellKey]:
        """The cells in a setting's gallery: each variant's longest code at its first seed; external codes too."""
        own = [*self.cells_of(wildcards)]
        if wildcards["backbone"] != EXTERNAL:
            own += self.cells_of({**wildcards, "backbone": EXTERNAL})
        own = [cell for cell in own if not self._is(cell.variant, Scorer)]
        variants = sorted({cell.variant for cell in own})
        return [max((cell for cell in own if cell.variant == name), key=lambda cell: cell.bits) for name in variants]

    def galleries(self) -> list[dict[str, str]]:
        """The settings that have a gallery; a dataset of embeddings, or from a bundle, has no images."""
        made_here = bool(self.settings(external=False))
        return [
            setting
            for setting in self.settings()
            if (setting["backbone"] != EXTERNAL or not made_here)
            and setting["dataset"] not in [*self.unpacked, *self.embedded]
            and self.shown(setting)
        ]

    def key(self, cell: CellKey) -> dict[str, Any]:
        """The columns of a cell in tables, except its weights, which come from the features' file."""
        return {**cell._asdict(), **self._method(cell.variant)}

    @property
    def order(self) -> dict[str, list[Any]]:
        """The order of tables: the values of each part of a cell's key, in the config's order."""
        return {
            "setting": [list(place) for place in self.protocols],
            "backbone": [*self.backbones, paths.EMBEDDINGS, EXTERNAL],
            "variant": list(self.variants),
            "bits": list(self.config["bits"]),
            "seed": list(self.config["seeds"]),
        }

    def description(self) -> dict[str, Any]:
        """Entries of a finished run's description besides its config, needed to use its models elsewhere."""
        return {
            "supervised": self.labelled("supervised"),
            "deterministic": self.labelled("deterministic"),
            "homes": {dataset: self.home(dataset) for dataset in self.datasets},
            "weights": {label: self.weights_of(entry) for label, entry in self.backbones.items()},
        }

    # Paths

    def in_run(self, path: str) -> str:
        """A path of the run, which may hold wildcards."""
        return f"{self.folder}/{path}"

    def in_home(self, dataset: str, path: str, **names: str) -> str:
        """A path of a dataset: in its own folder, or where its bundle is unpacked."""
        return f"{self.home(dataset)}/{path.format(**names)}"

    def home(self, dataset: str) -> str:
        """The folder of a dataset's manifest, splits and features."""
        return self.unpacked.get(dataset, paths.DATASET.format(dataset=dataset))

    def manifest(self, wildcards: Wildcards) -> str:
        """The manifest that a job reads."""
        return self.in_home(wildcards["dataset"], paths.MANIFEST)

    def split(self, wildcards: Wildcards) -> str:
        """The split that a job reads."""
        return self.in_home(wildcards["dataset"], paths.SPLIT, protocol=wildcards["protocol"])

    def near_copies(self, wildcards: Wildcards) -> str:
        """The file that marks a split as checked; "" for a bundle's split, which was checked before its release."""
        if wildcards["dataset"] in self.unpacked:
            return ""
        return self.in_home(wildcards["dataset"], paths.NEAR_COPIES, protocol=wildcards["protocol"])

    def features_file(self, wildcards: Wildcards) -> str:
        """The features that a job reads; in a bundle they are named by the backbone's label."""
        label, dataset = wildcards["backbone"], wildcards["dataset"]
        name = label if dataset in [*self.unpacked, *self.embedded] else self.backbones[label]["id"]
        return self.in_home(wildcards["dataset"], paths.FEATURES, features=name)

    def given_features(self, wildcards: Wildcards) -> str:
        """The features used to find nearest neighbours; "" if relevance is defined by labels."""
        if not self.datasets[wildcards["dataset"]]["neighbours"]:
            return ""
        return self.in_home(wildcards["dataset"], paths.FEATURES, features=paths.EMBEDDINGS)

    def images(self, wildcards: Wildcards) -> str:
        """The image store that a job reads; "" for a dataset without images."""
        return "" if wildcards["dataset"] in self.embedded else self.in_home(wildcards["dataset"], paths.IMAGES)

    def thumbnails(self, wildcards: Wildcards) -> str:
        """The thumbnails that a check reads; "" for a dataset without images."""
        return "" if wildcards["dataset"] in self.embedded else self.in_home(wildcards["dataset"], paths.THUMBNAILS)

    def mirrored_features(self, wildcards: Wildcards) -> str:
        """The features of mirrored training images; "" for a method that does not use them."""
        if not self.sees_mirrored(wildcards["dataset"], wildcards["variant"]):
            return ""
        name = self.backbones[wildcards["backbone"]]["id"]
        return self.in_home(wildcards["dataset"], paths.MIRRORED, features=name, protocol=wildcards["protocol"])

    def weights_file(self, wildcards: Wildcards) -> str:
        """The weights that a job reads: the user's file, or one from the rule `weights`; "" for embeddings."""
        if "backbone" in wildcards.keys() and wildcards["backbone"] == paths.EMBEDDINGS:  # noqa: SIM118
            return ""
        by_features = "features" in wildcards.keys()  # noqa: SIM118 (Snakemake's wildcards look up by number too)
        return self.weights_of(
            self.features[wildcards["features"]] if by_features else self.backbones[wildcards["backbone"]]
        )

    def weights_of(self, backbone: Entry) -> str:
        """The same of a backbone's entry."""
        if backbone["local"]:
            return str(backbone["weights"])
        return paths.WEIGHTS.format(weights=backbone["weights_id"])

    def model(self, cell: CellKey) -> str:
        """A cell's model, in the run or in a bundle."""
        if cell.dataset in self.unpacked:
            return self.in_home(cell.dataset, cell.path(paths.BUNDLED_MODEL))
        return self.in_run(cell.path(paths.MODEL))

    def files(self, cells: Iterable[CellKey], template: str) -> list[str]:
        """A file of the run for each of these cells."""
        return [self.in_run(cell.path(template)) for cell in cells]

    def rankings(self, wildcards: Wildcards, part: str) -> list[str]:
        """The rankings of each variant of a setting: of its "database", or of the "unseen" part."""
        own = sorted({cell.variant for cell in self.cells_of(wildcards)})
        names = {name: paths.RELEVANCE if self._is(name, Scorer) else paths.HISTOGRAMS for name in own}
        return [self.in_run(names[name][part].format(**{**wildcards, "variant": name})) for name in own]

    def external_codes(self, wildcards: Wildcards) -> str:
        """The user's file of a cell's codes."""
        (cell,) = self.cells_of(wildcards)
        arguments = self.variants[cell.variant]["arguments"]
        method: Any = hashing.make("external", bits=cell.bits, **arguments)
        return str(method.path(cell.dataset, cell.protocol, cell.bits, cell.seed))

    def kept(self) -> list[str]:
        """The files that a run keeps: they are targets, so they are created again if they are missing.

        Weights and features are not included: they are large, and a finished run does not need them.
        """
        found = [self.in_run(path) for name in (paths.METRICS, paths.QUERIES) for path in self.of_settings(name)]
        for setting in self.settings():
            found += [path for part in ("database", "unseen") for path in self.rankings(setting, part)]
        found += [self.in_run(paths.AUDIT.format(**setting)) for setting in self.audited()]
        found += [self.in_run(paths.GALLERY.format(**setting)) for setting in self.galleries()]
        fitted = [cell for cell in self.cells if cell.backbone != EXTERNAL]
        found += [self.model(cell) for cell in fitted]
        found += self.files((cell for cell in self.cells if not self._is(cell.variant, Scorer)), paths.CODES)
        for dataset, protocol in self.protocols:
            wildcards = {"dataset": dataset, "protocol": protocol}
            found += [self.manifest(wildcards), self.split(wildcards)]
        if not self.unpacked:  # models are trained here
            found += self.files(fitted, paths.TRAINING)
            found += [self.in_run(paths.COSTS.format(**setting)) for setting in self.costed()]
            for dataset, protocol in self.protocols:
                wildcards = {"dataset": dataset, "protocol": protocol}
                found += [path for path in (self.images(wildcards), self.near_copies(wildcards)) if path]
        return list(dict.fromkeys(found))

    def audited(self) -> list[dict[str, str]]:
        """The settings that have an audit, which needs models on features."""
        return self.settings(external=False) if self.kind(Hasher, full=False) else []

    def costed(self) -> list[dict[str, str]]:
        """The settings whose costs are measured, because models are trained here."""
        return self.settings(external=False) if self.kind(Hasher) and not self.unpacked else []

    # Dependencies of jobs besides their input

    def checksum_of(self, path: str, wildcards: Wildcards) -> str | None:
        """The checksum file that represents a shared file.

        A shared file that is created again with the same bytes reruns nothing. The manifest has the sha256 of all
        images, so its checksum covers them and their thumbnails too; a bundle's id covers all its files.

        Returns
        -------
        "" if the file never changes; None if the file itself counts: it belongs to this run or to the user, or was
        manually replaced
        """
        if path.startswith(tuple(self.unpacked.values())):
            return ""
        own_weights = {entry["weights"] for entry in self.backbones.values() if entry["local"]}
        if not path.startswith("resources/") or path in own_weights or not _is_as_made(path):
            return None
        dataset = paths.DATASET.format(**wildcards) if "dataset" in wildcards.keys() else ""  # noqa: SIM118
        if path in (f"{dataset}/{paths.IMAGES}", f"{dataset}/{paths.THUMBNAILS}"):
            path = f"{dataset}/{paths.MANIFEST}"
        return paths.checksum(path)

    def made_of(self, dataset: str) -> str:
        """An id of the content of a dataset's source files."""
        if dataset not in self._contents:
            entry = self.datasets[dataset]
            sources = Sources(paths.DOWNLOADS, self.config["dataset_mirror"])
            files = datasets.make(entry["reader"], sources, **entry["params"]).made_of()
            self._contents[dataset] = followed.state(self.in_home(dataset, paths.FOLLOWED), files)
        return self._contents[dataset]

    def code(self, script: str | Path, wildcards: Wildcards) -> dict[str, str]:
        """Digests of the modules that a job depends on, by its script and the registered classes that it uses."""
        return code.digests(script, *self._registered(Path(script).stem, wildcards))

    def _registered(self, script: str, wildcards: Wildcards) -> Sequence[Any]:
        def network() -> list[type]:
            if "backbone" in wildcards.keys() and wildcards["backbone"] == paths.EMBEDDINGS:  # noqa: SIM118
                return []
            for name, entries in (("weights", self.weights), ("features", self.features), ("backbone", self.backbones)):
                if name in wildcards.keys():  # noqa: SIM118
                    return [backbones.registry.get(entries[wildcards[name]]["name"])]
            raise KeyError(script)

        def methods(full: bool | None = None) -> list[type]:
            return [self.method(name) for name in self.kind(Hasher, full=full)]

        match script:
            case "dataset" | "embeddings":
                return [datasets.registry.get(self.datasets[wildcards["dataset"]]["reader"])]
            case "weights" | "features" | "encode_images":
                return network()
            case "train" | "encode" | "external_codes" | "rank_by_scores":
                return [self.method(wildcards["variant"])]
            case "finetune":
                return [self.method(wildcards["variant"]), *network()]
            case "audit":
                return methods(full=False)
            case "costs":
                return [*network(), *methods(full=False)]
            case "evaluate" | "gallery" | "compare":
                return metrics.registry.modules()
            case "report":
                readers = [datasets.registry.get(entry["reader"]) for entry in self.datasets.values()]
                shown = [*readers, *(self.method(name) for name in self.variants)]  # their sources
                return [*metrics.registry.modules(), *charts.registry.modules(), *shown]
        return []

    def flip(self, dataset: str, variant: str) -> bool:
        """Whether a variant mirrors images in training: its own setting, or else the dataset's."""
        flip = self.variants[variant]["arguments"]["flip"]
        return bool(datasets.registry.get(self.datasets[dataset]["reader"]).flips if flip is None else flip)

    def sees_mirrored(self, dataset: str, variant: str) -> bool:
        """Whether a variant trains on features of mirrored images too."""
        return (
            dataset not in self.embedded
            and variant in self.kind(DeepHasher, full=False)
            and self.flip(dataset, variant)
        )

    def weights_entry(self, weights: str) -> Entry:
        """What a weights file depends on; includes the seed only for random weights."""
        entry = self.weights[weights]
        keys = ["name", "weights"] + (["weights_seed"] if entry["weights"] == UNTRAINED else [])
        return {key: entry[key] for key in keys}

    def measured_network(self, backbone: str) -> Entry | None:
        """What the costs of a setting's backbone depend on; None for embeddings."""
        return None if backbone == paths.EMBEDDINGS else self.extraction(self.backbones[backbone])

    def extraction(self, entry: Entry) -> Entry:
        """What a backbone's features depend on."""
        return {key: entry[key] for key in ("name", "layer", "source", "input_size", "precision", "dtype")}

    def network(self, backbone: str) -> Entry:
        """What a network of scope full needs from a backbone."""
        entry = self.backbones[backbone]
        return {**{key: entry[key] for key in ("name", "layer", "input_size", "precision")}, "weights": entry["source"]}

    def part(self, wildcards: Wildcards) -> Entry:
        """The part of the database that a job ranks, and the device."""
        shard, shards = (int(wildcards.get(name, default)) for name, default in (("shard", 0), ("shards", 1)))
        return {"shard": shard, "shards": shards, "device": self.config["ranking"]["device"]}

    def sharded(self, cut: bool) -> list[str]:
        """The datasets whose databases are split into shards, or the others."""
        return [name for name, entry in self.datasets.items() if (entry["shards"] > 1) == cut]

    def uses_gpu(self, wildcards: Wildcards) -> bool:
        """Whether a job of a deep method can use a GPU."""
        return self.config["device"] != "cpu" and "device" in self.variants[wildcards["variant"]]["arguments"]


@cache
def _is_as_made(path: str) -> bool:
    """False if a file was manually replaced since its checksum file was written."""
    file, checksum = Path(path), Path(paths.checksum(path))
    if not (file.is_file() and checksum.is_file()) or file.stat().st_mtime_ns <= checksum.stat().st_mtime_ns:
        return True
    return file_sha256(file) == checksum.read_text().split()[0]
