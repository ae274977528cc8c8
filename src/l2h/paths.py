"""Paths of shared files, of a run's files and of a bundle's files. No other module spells out paths.

Names in braces are for `str.format` or are Snakemake's wildcards. Paths are relative to the working directory, to a
run's folder or to a dataset's home, depending on the heading.
"""

import re
from collections.abc import Iterable

# Relative to the working directory
DOWNLOADS = "resources/downloads"
WEIGHTS = "resources/weights/{weights}.safetensors"
DATASET = "resources/{dataset}"  # the home of a dataset that was prepared here
BUNDLE = "resources/bundles/{bundle}"  # the home of a dataset from a bundle
RUN = "results/{run}"

# Relative to a dataset's home
IMAGES = "images"
MANIFEST = "manifest.parquet"
THUMBNAILS = "thumbnails.parquet"
FOLLOWED = "followed.parquet"
SPLIT = "splits/{protocol}.parquet"
NEAR_COPIES = "splits/{protocol}.near_copies.parquet"
FEATURES = "features/{features}.parquet"
EMBEDDINGS = "embeddings"  # {features} and {backbone} of a dataset of vectors
MIRRORED = "features/{features}-mirrored-{protocol}.parquet"
BUNDLED_MODEL = "models/{protocol}/{backbone}/{variant}/{bits}bits-seed{seed}"

# Relative to a run's folder
PLAN, RUN_INFO, REPORT, PLOTS, TABLE = "plan.json", "run.json", "report.html", "plots", "table.md"
COMPARISON, DIFFERENCES = "comparison", "differences"  # with several endings each
RELEASE = "release/{dataset}.tar"
EXPORT = "export"  # with a folder for each cell, like CELL
SETTING = "{dataset}/{protocol}/{backbone}"
VARIANT = f"{SETTING}/{{variant}}"
CELL = f"{VARIANT}/{{bits}}bits-seed{{seed}}"
# of a setting
METRICS, QUERIES, AUDIT, COSTS, GALLERY = (
    f"{SETTING}/{name}"
    for name in ("metrics.parquet", "queries.parquet", "audit.parquet", "costs.parquet", "gallery.json")
)
# of a variant: rankings of all its cells by codes, or by scores; each of the database, and of its unseen part
HISTOGRAMS, RELEVANCE = (
    {"database": f"{VARIANT}/{name}.parquet", "unseen": f"{VARIANT}/{name}_unseen.parquet"}
    for name in ("histograms", "relevance")
)
SHARD = "shard{shard}of{shards}"
# of a cell
MODEL, TRAINING, CODES, CHECKPOINT = (
    f"{CELL}/{name}" for name in ("model", "training.parquet", "codes.parquet", "checkpoint.safetensors")
)

_NAME, _NUMBER = "[A-Za-z0-9][A-Za-z0-9_.-]*", "0|[1-9][0-9]{0,9}"
_NUMBERS = ("bits", "seed")


def checksum(path: str) -> str:
    """The file that holds the sha256 of a file that runs share."""
    return f"{path}.sha256"


def pattern(template: str) -> re.Pattern[str]:
    """A regular expression for the paths of a template, with a group for each name in braces.

    Examples
    --------
    >>> from l2h import paths
    >>> paths.pattern(paths.SPLIT).fullmatch("splits/mnist-1k.parquet")["protocol"]
    'mnist-1k'
    """
    parts = re.split(r"\{(\w+)\}", template)
    known = {name: _NUMBER if name in _NUMBERS else _NAME for name in parts[1::2]}
    parts[1::2] = [f"(?P<{name}>{known[name]})" for name in parts[1::2]]
    parts[::2] = map(re.escape, parts[::2])
    return re.compile("".join(parts))


def one_of(names: Iterable[str]) -> str:
    """A regular expression that matches only these names; without names, nothing."""
    return "|".join(map(re.escape, names)) or "(?!)"
