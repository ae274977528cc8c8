"""What the config's entries are called in paths, and the functions that rules use."""

import json
import os
import re
import shlex
import sys
import time
from functools import cache
from pathlib import Path
from types import SimpleNamespace

from l2h import backbones, datasets, hashing
from l2h.store.files import atomic
from l2h.store.results import read_frame
from l2h.backbones.weights import UNTRAINED, file_sha256
from l2h.bundles.archive import read_bundle_manifest
from l2h.bundles.release import weights_licence
from l2h.config import DOWNLOADS, EXTERNAL, declared
from l2h.datasets import followed
from l2h.datasets.images import DECODERS
from l2h.errors import L2HError
from l2h.failures import failures
from l2h.fetch import Sources
from l2h.hashing import FULL
from l2h.hashing.base import Hasher
from l2h.hashing.deep import DeepHasher
from l2h.hashing.external import External
from l2h.hashing.scorer import Scorer
from l2h.plan.code import data, digests
from l2h.sizing import megabytes, minutes, sizes

STARTED = time.time()
CONFIG_FILE = os.path.relpath(workflow.configfiles[-1])
RUN = Path(CONFIG_FILE).stem
RESULTS = f"results/{RUN}"
PLAN = f"{RESULTS}/plan.json"
IMAGE_STORE, MANIFEST = "resources/{dataset}/images", "resources/{dataset}/manifest.parquet"
THUMBNAILS = "resources/{dataset}/thumbnails.parquet"
FOLLOWED = "resources/{dataset}/followed.parquet"
SPLIT = "resources/{dataset}/splits/{protocol}.parquet"
SETTING = f"{RESULTS}/{{dataset}}/{{protocol}}/{{backbone}}"
CELL = f"{SETTING}/{{variant}}/{{bits}}bits-seed{{seed}}"
BUNDLED_MODEL = "models/{protocol}/{backbone}/{variant}/{bits}bits-seed{seed}"
CELL_MESSAGE = (
    "{wildcards.dataset} ({wildcards.protocol}, {wildcards.backbone}): "
    "%s {wildcards.variant}{length:{wildcards.bits}}, seed {wildcards.seed}"
)
SETTING_LOG, CELL_LOG = (path.replace(RESULTS, f"{RESULTS}/logs", 1) for path in (SETTING, CELL))
SETTING_BENCHMARK, CELL_BENCHMARK = (path.replace(RESULTS, f"{RESULTS}/benchmarks", 1) for path in (SETTING, CELL))


class Length:
    """In a message, `{length:64}` is ", 64 bits", and nothing for 0: exact search has no code."""

    def __format__(self, bits):
        return "" if bits == "0" else f", {bits} bits"


length = Length()

DATASETS = {entry["name"]: entry for entry in config["datasets"] if not entry["missing"]}
PROTOCOLS = {(entry["name"], entry["protocol_id"]): entry for entry in config["datasets"] if not entry["missing"]}
NOT_RUN = [
    {"dataset": entry["name"], "protocol": entry["protocol_id"], "not_run": entry["missing"]}
    for entry in config["datasets"]
    if entry["missing"]
]
if not DATASETS:
    sys.exit("\n".join(f"error: {entry['dataset']} cannot be run: {entry['not_run']}" for entry in NOT_RUN))
BACKBONES = {entry["label"]: entry for entry in config["backbones"]}
FEATURES = {entry["id"]: entry for entry in config["backbones"]}
OWN_WEIGHTS = {entry["weights"] for entry in config["backbones"] if entry["local"]}
WEIGHTS = {entry["weights_id"]: entry for entry in config["backbones"]}
VARIANTS = {entry["label"]: entry for entry in config["methods"]}
NOT_RUN += [
    {
        "dataset": dataset,
        "protocol": protocol,
        "backbone": backbone,
        "variant": variant,
        "method": entry["method"],
        "scope": entry["scope"],
        "bits": bits,
        "not_run": why,
    }
    for dataset, protocol in PROTOCOLS
    for backbone in BACKBONES
    for variant, entry in VARIANTS.items()
    for bits, why in entry["impossible"].items()
]
# What a data set's bundle holds is taken from it, verified and unpacked, instead of made.
BUNDLES = {path: read_bundle_manifest(path) for path in config["pretrained"]}
UNPACKED = {manifest.dataset: f"resources/bundles/{manifest.id}" for manifest in BUNDLES.values()}
FINETUNED = [variant for variant, entry in VARIANTS.items() if entry["scope"] == FULL]
SUPERVISED = [variant for variant, entry in VARIANTS.items() if entry["supervised"]]
DETERMINISTIC = [variant for variant, entry in VARIANTS.items() if entry["deterministic"]]
ON_FEATURES = [variant for variant in VARIANTS if variant not in FINETUNED]


def one_of(names):
    """A wildcard's constraint; without names, nothing fits."""
    return "|".join(map(re.escape, names)) or "(?!)"


wildcard_constraints:
    dataset=one_of(DATASETS),
    protocol=one_of({protocol for _, protocol in PROTOCOLS}),
    backbone=one_of([*BACKBONES, EXTERNAL]),
    features=one_of(FEATURES),
    weights=one_of(WEIGHTS),
    variant=one_of(VARIANTS),
    bits=r"\d+",
    seed=r"\d+",
    shard=r"\d+",
    shards=r"\d+",


def code(script, *classes):
    """The digests of what a script rests on, with the classes that its job uses; the script itself Snakemake follows."""
    return digests(f"{workflow.basedir}/workflow/scripts/{script}.py", *classes)


def reader_of(wildcards):
    return datasets.registry.get(DATASETS[wildcards.dataset]["reader"])


def network_class(entry):
    return backbones.registry.get(entry["name"])


@cache
def made_of(dataset):
    """A name for the content of a data set's own files."""
    entry = DATASETS[dataset]
    sources = Sources(DOWNLOADS, config["dataset_mirror"])
    files = datasets.make(entry["reader"], sources, **entry["params"]).made_of()
    return followed.state(FOLLOWED.format(dataset=dataset), files)


def method_class(variant):
    return hashing.registry.get(VARIANTS[variant]["method"])


def method_of(wildcards):
    return method_class(wildcards.variant)


def methods_of(variants):
    """The classes of those that make codes here."""
    return [method_class(variant) for variant in hashers(variants)]


def extraction(entry):
    """What a backbone's features depend on."""
    return {key: entry[key] for key in ("name", "layer", "source", "input_size", "precision", "dtype")}


def network_entry(entry):
    """What a network of scope full takes of a backbone."""
    return {**{key: entry[key] for key in ("name", "layer", "input_size", "precision")}, "weights": entry["source"]}


def cell_keys():
    """The wildcards of every cell of the comparison; codes from elsewhere follow those that are made from features."""
    return [
        {
            "dataset": dataset,
            "protocol": protocol,
            "backbone": backbone,
            "variant": variant,
            "bits": bits,
            "seed": seed,
        }
        for dataset, protocol in PROTOCOLS
        for backbone in [*BACKBONES, EXTERNAL]
        for variant, entry in VARIANTS.items()
        if issubclass(method_class(variant), External) == (backbone == EXTERNAL)
        for bits, seed in entry["results"][f"{dataset}/{protocol}"]
    ]


def cells(name):
    """A file of every cell of the comparison."""
    return [f"{CELL}/{name}".format(**key) for key in cell_keys()]


def ranking_of(wildcards):
    """A cell's two rankings: histograms of codes, with the codes, or relevance in the order of scores."""
    by_scores = issubclass(method_class(wildcards.variant), Scorer)
    kind, codes = ("relevance", {}) if by_scores else ("histogram", {"codes": f"{CELL}/codes.parquet"})
    return {"database": f"{CELL}/{kind}.parquet", "unseen": f"{CELL}/{kind}_unseen.parquet", **codes}


def choice_of(wildcards):
    """The model of a deep method, which says how its head was chosen."""
    return {"model": model_of(wildcards)} if issubclass(method_class(wildcards.variant), DeepHasher) else {}


def external_codes_of(wildcards):
    """The user's file."""
    method = hashing.make("external", bits=int(wildcards.bits), **VARIANTS[wildcards.variant]["arguments"])
    return method.path(wildcards.dataset, wildcards.protocol, wildcards.bits, wildcards.seed)


def flip_of(wildcards):
    """Whether images are mirrored in training: as the variant says, or else the data set."""
    flip = VARIANTS[wildcards.variant]["arguments"]["flip"]
    return datasets.registry.get(DATASETS[wildcards.dataset]["reader"]).flips if flip is None else flip


def of_settings(name, variants=VARIANTS):
    """A file of every data set, protocol and backbone, if some of these variants are hashers."""
    return [
        f"{SETTING}/{name}".format(dataset=dataset, protocol=protocol, backbone=backbone)
        for dataset, protocol in PROTOCOLS
        for backbone in BACKBONES
        if hashers(variants)
    ]


def hashers(variants):
    """Those that make codes here."""
    return [variant for variant in variants if issubclass(method_class(variant), Hasher)]


def keys_of(variants):
    """The cells of one setting's hashers at the first seed, as the columns that tables have beside the setting's.

    In an order of their own, so that another order of the config's methods measures nothing again.
    """
    return [
        {
            "variant": variant,
            "method": VARIANTS[variant]["method"],
            "scope": VARIANTS[variant]["scope"],
            "bits": bits,
            "seed": config["seeds"][0],
        }
        for variant in sorted(hashers(variants))
        for bits in sorted(config["bits"])
        if bits not in VARIANTS[variant]["impossible"]
    ]


def cells_of(variants, path):
    """An input function: a file of each of these cells."""
    return lambda wildcards: [path.format(**wildcards, **key) for key in keys_of(variants)]


def looked_at(dataset, protocol, backbone):
    """The cells that a setting's section shows pictures of: each variant's longest code at its first seed.

    In an order of their own, as those of `keys_of`.
    """
    cells = [
        key
        for key in cell_keys()
        if (key["dataset"], key["protocol"]) == (dataset, protocol)
        and key["backbone"] in (backbone, EXTERNAL)
        and not issubclass(method_class(key["variant"]), Scorer)
    ]
    variants = sorted({key["variant"] for key in cells})
    return [max((key for key in cells if key["variant"] == name), key=lambda key: key["bits"]) for name in variants]


def looks():
    """What there is to look at in each section of the report; a data set from a bundle has no images."""
    made_here = any(key["backbone"] != EXTERNAL for key in cell_keys())
    return [
        f"{SETTING}/look.json".format(dataset=dataset, protocol=protocol, backbone=backbone)
        for dataset, protocol in PROTOCOLS
        for backbone in (BACKBONES if made_here else [EXTERNAL])
        if dataset not in UNPACKED and looked_at(dataset, protocol, backbone)
    ]


def kept():
    """The files that a run keeps. As targets they are made again if they are missing; Snakemake ignores other missing files.

    Weights and features are no targets: they are large, and a finished run does without them.
    """
    files = [*cells("metrics.parquet"), *cells("queries.parquet"), *of_settings("audit.parquet", ON_FEATURES), *looks()]
    files += [f"{home(dataset)}/manifest.parquet" for dataset, _ in PROTOCOLS]
    files += [f"{home(dataset)}/splits/{protocol}.parquet" for dataset, protocol in PROTOCOLS]
    for key in cell_keys():
        cell = SimpleNamespace(**key)
        paths = [*ranking_of(cell).values()]
        if cell.backbone != EXTERNAL:
            paths.append(model_of(cell))
        files += [path.format(**key) for path in paths]
    if not UNPACKED:  # what is trained here
        trained = [key for key in cell_keys() if key["backbone"] != EXTERNAL]
        files += [f"{CELL}/training.parquet".format(**key) for key in trained] + of_settings("costs.parquet")
        files += [IMAGE_STORE.format(dataset=dataset) for dataset, _ in PROTOCOLS]
        files += [f"resources/{dataset}/splits/{protocol}.near_copies.parquet" for dataset, protocol in PROTOCOLS]
    return list(dict.fromkeys(files))


def home(dataset):
    """Where a data set's manifest, splits and features are."""
    return UNPACKED.get(dataset, f"resources/{dataset}")


def manifest_of(wildcards):
    return f"{home(wildcards.dataset)}/manifest.parquet"


def split_of(wildcards):
    return f"{home(wildcards.dataset)}/splits/{wildcards.protocol}.parquet"


def checked(wildcards):
    """What says that the split was found fit; made again, it calls for nothing else to be. A bundle's was when made."""
    if wildcards.dataset in UNPACKED:
        return []
    return ancient(f"resources/{wildcards.dataset}/splits/{wildcards.protocol}.near_copies.parquet")


def features_of(wildcards):
    """A bundle calls them by the backbone's label, as its maker's threads and processor matter no more."""
    name = wildcards.backbone if wildcards.dataset in UNPACKED else BACKBONES[wildcards.backbone]["id"]
    return f"{home(wildcards.dataset)}/features/{name}.parquet"


def shared(**inputs):
    """An input function: files that runs share, which count as changed if their content is another.

    Snakemake compares the content of small files alone. So a file itself is `ancient`, and its checksum file stands for
    it: made again with the same bytes, it calls for nothing. The manifest has the sha256 of all images, and its
    checksum stands for their thumbnails too; a bundle's id is of all its files. What a run makes for itself goes by its
    time.
    """

    def files(wildcards):
        found, checksums = {}, []
        for name, path in inputs.items():
            path = path(wildcards) if callable(path) else path
            if path:
                path = path.format(**wildcards)
                if path.startswith("resources/") and path not in OWN_WEIGHTS and is_as_made(path):
                    if not path.startswith(tuple(UNPACKED.values())):
                        follows = path in (IMAGE_STORE.format(**wildcards), THUMBNAILS.format(**wildcards))
                        checksums.append(f"{MANIFEST.format(**wildcards) if follows else path}.sha256")
                    path = ancient(path)
            found[name] = path
        return {**found, "checksums": list(dict.fromkeys(checksums))}

    return files


@cache
def is_as_made(path):
    """False if a file was replaced by hand since its checksum file was written."""
    file, checksum = Path(path), Path(f"{path}.sha256")
    if not (file.is_file() and checksum.is_file()) or file.stat().st_mtime_ns <= checksum.stat().st_mtime_ns:
        return True
    return file_sha256(file) == checksum.read_text().split()[0]


def sees_mirrored(wildcards):
    """Whether a variant trains on features of mirrored images too."""
    return issubclass(method_class(wildcards.variant), DeepHasher) and flip_of(wildcards)


def mirrored_of(wildcards):
    """The features of mirrored training images, for a deep method that sees them."""
    if not sees_mirrored(wildcards):
        return []
    name = BACKBONES[wildcards.backbone]["id"]
    return f"resources/{wildcards.dataset}/features/{name}-mirrored-{wildcards.protocol}.parquet"


def model_of(wildcards):
    if wildcards.dataset in UNPACKED:
        return f"{UNPACKED[wildcards.dataset]}/{BUNDLED_MODEL}"
    return f"{CELL}/model"


def weights_of(wildcards):
    """The weights file of a set of features: the user's own, or one that the rule `weights` makes."""
    return weights_path(
        FEATURES[wildcards.features] if "features" in wildcards.keys() else BACKBONES[wildcards.backbone]
    )


def weights_path(entry):
    """The same for an entry of the config's backbones."""
    return entry["weights"] if entry["local"] else f"resources/weights/{entry['weights_id']}.safetensors"


def weights_entry(wildcards):
    """What a weights file depends on; the seed only where it is drawn."""
    entry = WEIGHTS[wildcards.weights]
    keys = ["name", "weights"] + (["weights_seed"] if entry["weights"] == UNTRAINED else [])
    return {key: entry[key] for key in keys}


def cell_key(wildcards):
    """The columns that name a cell in every table; its weights come from the features' file."""
    entry = VARIANTS[wildcards.variant]
    return {**dict(wildcards), "method": entry["method"], "scope": entry["scope"]}


def in_shards(cut):
    """The data sets whose databases are cut into shards, or the others, as a wildcard's constraint."""
    return one_of([name for name, entry in DATASETS.items() if (entry["shards"] > 1) == cut])


def shards_of(path):
    """An input function: this file of each shard of a cell."""

    def files(wildcards):
        shards = DATASETS[wildcards.dataset]["shards"]
        return [path.format(**wildcards, shard=shard, shards=shards) for shard in range(shards)]

    return files


def part_of(wildcards):
    """What part of the database a job ranks, and where."""
    shard, shards = int(wildcards.get("shard", 0)), int(wildcards.get("shards", 1))
    return {"shard": shard, "shards": shards, "device": config["ranking"]["device"]}


def sized(amount, rule):
    """An input function: `megabytes` or `minutes` that a rule's job asks for, by what is in its input."""

    def ask(wildcards, input, attempt):
        files = {name: path for name, path in input.items() if isinstance(path, str)}
        bits = int(wildcards.get("bits", 0)) or sum(key["bits"] for key in keys_of(VARIANTS))
        return amount(rule, sizes(files, bits, cells=len(input.get("metrics", []))), attempt)

    return ask


def gpus(wildcards):
    """GPUs that a job of a deep method can use."""
    return 1 if config["device"] != "cpu" and "device" in VARIANTS[wildcards.variant]["arguments"] else 0


def captioned(path, name, category="Result", **how):
    """A result that `snakemake --report` shows with a caption."""
    return report(path, caption=f"../workflow/report/{name}.rst", category=category, **how)


def write_plan(dag):
    """Write which jobs the report rests on, if a run is to make it: `l2h.report.run_info.facts` says how.

    Where the run's folder cannot be written to, the run ends here, with one line.
    """
    reports = [job for job in dag.jobs if job.rule.name == "report"]
    if not reports:
        return
    jobs = list(dag.bfs(dag.dependencies, *reports))
    benchmarks = {}
    for job in jobs:
        if job not in reports:
            benchmarks.setdefault(job.rule.name, []).append(job.benchmark)
    try:
        with atomic(PLAN) as part:
            part.write_text(json.dumps(benchmarks))
    except L2HError as error:
        sys.exit(f"error: {error}")


def say_what_is_mirrored(dag):
    """Print, before anything runs, that some images go through the network twice, and how to do without."""
    for job in dag.needrun_jobs():
        if job.rule.name == "mirrored_features":
            dataset, protocol = job.wildcards.dataset, job.wildcards.protocol
            wanted = [
                variant for variant in VARIANTS if sees_mirrored(SimpleNamespace(dataset=dataset, variant=variant))
            ]
            print(
                f"{dataset}: the training images of {protocol} go through the network a second time, mirrored, for "
                f"{', '.join(wanted)}; `params: {{flip: false}}` leaves that out"
            )


def summarise(comparison, report):
    """What the end of a run says: its result in a few lines, and where the rest is."""
    from l2h.report.summary import summary

    figures = Path(comparison).with_suffix(".csv")
    result = summary(read_frame(comparison), set(SUPERVISED))
    return f"\n{result}\nall figures: {figures}\nreport:      {report}"


def run_description():
    """What a finished run says of itself, beside how it was made: all that it takes to use its models elsewhere."""
    return {
        "settings": declared({**config, "dataset_mirror": None}, SCHEMA),
        "supervised": SUPERVISED,
        "deterministic": DETERMINISTIC,
        "homes": {dataset: home(dataset) for dataset in DATASETS},
        "weights": {label: weights_path(entry) for label, entry in BACKBONES.items()},
    }


def bundled(dataset):
    """A data set's files by their paths in a bundle; a model is a folder."""
    files = {"manifest.parquet": f"{home(dataset)}/manifest.parquet"}
    for protocol in (protocol for name, protocol in PROTOCOLS if name == dataset):
        for backbone in BACKBONES:
            place = SimpleNamespace(dataset=dataset, protocol=protocol, backbone=backbone)
            files[f"splits/{protocol}.parquet"] = split_of(place)
            files[f"features/{backbone}.parquet"] = features_of(place)
    for key in cell_keys():
        if key["dataset"] == dataset and key["backbone"] != EXTERNAL:
            files[BUNDLED_MODEL.format(**key)] = model_of(SimpleNamespace(**key)).format(**key)
    return files


def description_of(dataset):
    """What a bundle says of what it holds."""
    entries = [entry for entry in config["datasets"] if entry["name"] == dataset]
    licences = {f"data set {dataset}": datasets.registry.get(entries[0]["reader"]).licence}
    for label, entry in BACKBONES.items():
        backbone = backbones.registry.get(entry["name"])
        licence = weights_licence(backbone, entry["source"], entry["local"])
        licences[f"weights {entry['source']} of {label}"] = licence
    fitted = {name: entry for name, entry in VARIANTS.items() if not issubclass(method_class(name), External)}
    return {
        "dataset": dataset,
        "backbones": {label: extraction(entry) for label, entry in BACKBONES.items()},
        "variants": {
            label: {key: entry[key] for key in ("method", "scope", "arguments")} for label, entry in fitted.items()
        },
        "licences": licences,
        "config": declared({**config, "datasets": entries, "pretrained": [], "dataset_mirror": None}, SCHEMA),
    }
