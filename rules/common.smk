"""What the config's entries are called in paths, and the functions that rules use."""

import os
import re
import time
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path

from l2h import backbones, datasets, hashing
from l2h.backbones.weights import UNTRAINED
from l2h.config import EXTERNAL
from l2h.hashing.base import Hasher
from l2h.hashing.external import External
from l2h.hashing.scorer import Scorer

STARTED = time.time()
CONFIG_FILE = os.path.relpath(workflow.configfiles[-1])
RUN = Path(CONFIG_FILE).stem
RESULTS = f"results/{RUN}"
DOWNLOADS = "resources/downloads"
PLACE = f"{RESULTS}/{{dataset}}/{{protocol}}/{{backbone}}"
CELL = f"{PLACE}/{{variant}}/{{bits}}bits-seed{{seed}}"
CELL_MESSAGE = (
    "{wildcards.dataset} ({wildcards.protocol}, {wildcards.backbone}): "
    "%s {wildcards.variant}, {wildcards.bits} bits, seed {wildcards.seed}"
)
PLACE_LOG, CELL_LOG = (path.replace(RESULTS, f"{RESULTS}/logs", 1) for path in (PLACE, CELL))
PLACE_BENCHMARK, CELL_BENCHMARK = (path.replace(RESULTS, f"{RESULTS}/benchmarks", 1) for path in (PLACE, CELL))

# One shard is the whole: its histograms are the cell's own. Those of several are added up, then deleted.
SHARDS = config["ranking"]["shards"]
SHARD = "" if SHARDS == 1 else f"shard{{shard}}of{SHARDS}/"

PROTOCOLS = {(entry["name"], entry["protocol_id"]): entry for entry in config["datasets"]}
BACKBONES = {entry["label"]: entry for entry in config["backbones"]}
FEATURES = {entry["id"]: entry for entry in config["backbones"]}
WEIGHTS = {entry["weights_id"]: entry for entry in config["backbones"]}
VARIANTS = {entry["label"]: entry for entry in config["methods"]}

# What every script imports first; a rule adds what its own script uses.
JOB = ["l2h", "l2h.errors", "l2h.job", "l2h.plugins", "l2h.store"]
HASHING = ["l2h.hashing", "l2h.registry", "l2h.codes"]
RANKING = ["l2h.codes", "l2h.ranking", "l2h.ranking.counting", "l2h.ranking.histogram", "l2h.ranking.relevance"]
FETCH = ["l2h.download", "l2h.fetch", "l2h.progress"]
EXTRACTION = [
    "l2h.download",
    "l2h.registry",
    "l2h.datasets",
    "l2h.datasets.base",
    "l2h.datasets.images",
    "l2h.ids",
    "l2h.splits",
    "l2h.backbones",
    "l2h.backbones.weights",
    "l2h.device",
    "l2h.features",
    "l2h.progress",
]


def one_of(names):
    """A wildcard's constraint."""
    return "|".join(map(re.escape, names))


wildcard_constraints:
    dataset=one_of({name for name, _ in PROTOCOLS}),
    protocol=one_of({protocol for _, protocol in PROTOCOLS}),
    backbone=one_of([*BACKBONES, EXTERNAL]),
    features=one_of(FEATURES),
    weights=one_of(WEIGHTS),
    variant=one_of(VARIANTS),
    bits=r"\d+",
    seed=r"\d+",
    shard=r"\d+",


def digest(path):
    """The first digits of a file's sha256."""
    return sha256(Path(path).read_bytes()).hexdigest()[:16]


def code(*modules):
    """What a rule's result depends on beside its script: the digests of modules' sources, as a param."""
    return {name: digest(find_spec(name).origin) for name in modules}


def class_code(registry, name):
    """The same for a registered class: its module and those of its bases."""
    modules_of_bases = [base.__module__ for base in registry.get(name).__mro__]
    return code(*(name for name in modules_of_bases if name.startswith(("l2h.", "l2h_plugin_"))))


def dataset_code(wildcards):
    return class_code(datasets.registry, wildcards.dataset)


def backbone_code(name):
    return class_code(backbones.registry, name)


def method_class(variant):
    return hashing.registry.get(VARIANTS[variant]["method"])


def method_code(wildcards):
    return class_code(hashing.registry, VARIANTS[wildcards.variant]["method"])


def methods_code(wildcards):
    """What all hashers' models need to be used."""
    methods = {entry["method"] for entry in hashers().values()}
    return {name: digest for method in sorted(methods) for name, digest in class_code(hashing.registry, method).items()}


def extraction(entry):
    """What a backbone's features depend on."""
    return {key: entry[key] for key in ("name", "layer", "source", "input_size", "precision", "dtype")}


def training_code(wildcards):
    """What a method imports only to train."""
    return code(*method_class(wildcards.variant).fit_imports)


def cells(name):
    """A file of every cell of the comparison; codes from elsewhere follow those that are made from features."""
    return [
        f"{CELL}/{name}".format(
            dataset=dataset, protocol=protocol, backbone=backbone, variant=variant, bits=bits, seed=seed
        )
        for dataset, protocol in PROTOCOLS
        for backbone in [*BACKBONES, EXTERNAL]
        for variant, entry in VARIANTS.items()
        if issubclass(method_class(variant), External) == (backbone == EXTERNAL)
        for bits, seed in entry["results"][f"{dataset}/{protocol}"]
    ]


def ranking_of(wildcards):
    """A cell's two rankings: histograms of codes, with the codes, or relevance in the order of scores."""
    by_scores = issubclass(method_class(wildcards.variant), Scorer)
    kind, codes = ("relevance", {}) if by_scores else ("histogram", {"codes": f"{CELL}/codes.parquet"})
    return {"database": f"{CELL}/{kind}.parquet", "unseen": f"{CELL}/{kind}_unseen.parquet", **codes}


def external_codes_of(wildcards):
    """The user's file."""
    method = hashing.make("external", bits=int(wildcards.bits), **VARIANTS[wildcards.variant]["arguments"])
    return method.path(wildcards.dataset, wildcards.protocol, wildcards.bits, wildcards.seed)


def places(name):
    """A file of every data set, protocol and backbone."""
    return [
        f"{PLACE}/{name}".format(dataset=dataset, protocol=protocol, backbone=backbone)
        for dataset, protocol in PROTOCOLS
        for backbone in BACKBONES
    ]


def hashers():
    """The variants that make codes from features."""
    return {variant: entry for variant, entry in VARIANTS.items() if issubclass(method_class(variant), Hasher)}


def keys_of(wildcards):
    """The cells of one place's hashers at the first seed, as the columns that tables have beside the place's.

    In an order of their own, so that another order of the config's methods measures nothing again.
    """
    return [
        {
            "variant": variant,
            "method": entry["method"],
            "scope": entry["scope"],
            "bits": bits,
            "seed": config["seeds"][0],
        }
        for variant, entry in sorted(hashers().items())
        for bits in sorted(config["bits"])
    ]


def cells_of(wildcards, path):
    """A file of each of these cells."""
    return [path.format(**wildcards, **key) for key in keys_of(wildcards)]


def split_of(wildcards):
    return f"resources/{wildcards.dataset}/splits/{wildcards.protocol}.parquet"


def features_of(wildcards):
    return f"resources/{wildcards.dataset}/features/{BACKBONES[wildcards.backbone]['id']}.parquet"


def weights_of(wildcards):
    """The weights file of a set of features: the user's own, or one that the rule `weights` makes."""
    entry = FEATURES[wildcards.features] if "features" in wildcards.keys() else BACKBONES[wildcards.backbone]
    if entry["local"]:
        return entry["weights"]
    return f"resources/weights/{entry['weights_id']}.safetensors"


def weights_entry(wildcards):
    """What a weights file depends on; the seed only where it is drawn."""
    entry = WEIGHTS[wildcards.weights]
    keys = ["name", "weights"] + (["weights_seed"] if entry["weights"] == UNTRAINED else [])
    return {key: entry[key] for key in keys}


def cell_key(wildcards):
    """The columns that name a cell in every table; its weights come from the features' file."""
    entry = VARIANTS[wildcards.variant]
    return {**dict(wildcards), "method": entry["method"], "scope": entry["scope"]}


def of_shard(path):
    """A file of a job that ranks one shard, kept no longer than it takes to add the shards up."""
    return path if SHARDS == 1 else temp(path)


def shard_of(wildcards):
    """What part of the database a job ranks, and where."""
    return {"shard": int(wildcards.get("shard", 0)), "shards": SHARDS, "device": config["ranking"]["device"]}


def gpus(wildcards):
    """GPUs that a job of a deep method can use."""
    return 1 if config["device"] != "cpu" and "device" in VARIANTS[wildcards.variant]["arguments"] else 0


def ending(comparison, report):
    """What the end of a run says: the table in short, and where the rest is."""
    import pandas

    from l2h.report.comparison import summary

    table = summary(pandas.read_parquet(comparison))
    figures = Path(comparison).with_suffix(".csv")
    return f"\nmAP over the whole database:\n{table}\n\nall figures: {figures}\nreport:      {report}"
