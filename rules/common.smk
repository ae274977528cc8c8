"""What the config's entries are called in paths, and the functions that rules use."""

import os
import re
import time
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path

from l2h import backbones, datasets, hashing
from l2h.backbones.weights import UNTRAINED

STARTED = time.time()
CONFIG_FILE = os.path.relpath(workflow.configfiles[-1])
RUN = Path(CONFIG_FILE).stem
RESULTS = f"results/{RUN}"
DOWNLOADS = "resources/downloads"
CELL = f"{RESULTS}/{{dataset}}/{{protocol}}/{{backbone}}/{{variant}}/{{bits}}bits-seed{{seed}}"
CELL_MESSAGE = (
    "{wildcards.dataset} ({wildcards.protocol}, {wildcards.backbone}): "
    "%s {wildcards.variant}, {wildcards.bits} bits, seed {wildcards.seed}"
)
CELL_LOG = CELL.replace(RESULTS, f"{RESULTS}/logs", 1)
CELL_BENCHMARK = CELL.replace(RESULTS, f"{RESULTS}/benchmarks", 1)

# One shard is the whole: its histograms are the cell's own. Those of several are added up, then deleted.
SHARDS = config["ranking"]["shards"]
SHARD = "" if SHARDS == 1 else f"shard{{shard}}of{SHARDS}/"

PROTOCOLS = {(entry["name"], entry["protocol_id"]): entry for entry in config["datasets"]}
BACKBONES = {entry["label"]: entry for entry in config["backbones"]}
FEATURES = {entry["id"]: entry for entry in config["backbones"]}
WEIGHTS = {f"{entry['name']}-{entry['weights_id']}": entry for entry in config["backbones"]}
VARIANTS = {entry["label"]: entry for entry in config["methods"]}

# What every script imports first; a rule adds what its own script uses.
JOB = ["l2h", "l2h.errors", "l2h.job", "l2h.plugins", "l2h.store"]
HASHING = ["l2h.hashing", "l2h.registry", "l2h.codes"]
FETCH = ["l2h.download", "l2h.fetch", "l2h.progress"]


wildcard_constraints:
    dataset="|".join(map(re.escape, {name for name, _ in PROTOCOLS})),
    protocol="|".join(map(re.escape, {protocol for _, protocol in PROTOCOLS})),
    backbone="|".join(map(re.escape, BACKBONES)),
    features="|".join(map(re.escape, FEATURES)),
    weights="|".join(map(re.escape, WEIGHTS)),
    variant="|".join(map(re.escape, VARIANTS)),
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


def method_code(wildcards):
    return class_code(hashing.registry, VARIANTS[wildcards.variant]["method"])


def training_code(wildcards):
    """What a method imports only to train."""
    return code(*hashing.registry.get(VARIANTS[wildcards.variant]["method"]).fit_imports)


def cells(name):
    """A file of every cell of the comparison."""
    return [
        f"{CELL}/{name}".format(
            dataset=dataset, protocol=protocol, backbone=backbone, variant=variant, bits=bits, seed=seed
        )
        for dataset, protocol in PROTOCOLS
        for backbone in BACKBONES
        for variant in VARIANTS
        for bits in config["bits"]
        for seed in config["seeds"]
    ]


def split_of(wildcards):
    return f"resources/{wildcards.dataset}/splits/{wildcards.protocol}.parquet"


def features_of(wildcards):
    return f"resources/{wildcards.dataset}/features/{BACKBONES[wildcards.backbone]['id']}.parquet"


def weights_of(wildcards):
    """The weights file of a set of features: the user's own, or one that the rule `weights` makes."""
    entry = FEATURES[wildcards.features]
    if entry["local"]:
        return entry["weights"]
    return f"resources/weights/{entry['name']}-{entry['weights_id']}.safetensors"


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


def ranking_of(wildcards):
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
