"""The plan of the run, and the functions that rules use to query it."""

import os
import sys
import time
from pathlib import Path

from l2h import paths
from l2h.config import EXTERNAL, declared
from l2h.datasets.images import DECODERS
from l2h.hashing.base import Hasher
from l2h.hashing.deep import DeepHasher
from l2h.hashing.external import External
from l2h.hashing.scorer import Scorer
from l2h.paths import one_of
from l2h.plan import release
from l2h.plan.code import data
from l2h.plan.hooks import count_jobs, mirrored, write_plan
from l2h.plan.plan import Plan
from l2h.plan.resources import megabytes, minutes, sizes
from l2h.runs.failures import failures

STARTED = time.time()
CONFIG_FILE = os.path.relpath(workflow.configfiles[-1])
plan = Plan(config, run=Path(CONFIG_FILE).stem)
if not plan.datasets:
    sys.exit("\n".join(f"error: {one['dataset']} cannot be run: {one['not_run']}" for one in plan.not_run))

RESULTS = plan.folder
HOME = paths.DATASET
SETTING, VARIANT, CELL = (f"{RESULTS}/{path}" for path in (paths.SETTING, paths.VARIANT, paths.CELL))
MODEL, TRAINING, CODES = (f"{RESULTS}/{path}" for path in (paths.MODEL, paths.TRAINING, paths.CODES))
OF_SETTING = "{wildcards.dataset} ({wildcards.protocol}, {wildcards.backbone}): %s"
OF_CELL = f"{OF_SETTING} {{wildcards.variant}}{{length:{{wildcards.bits}}}}, seed {{wildcards.seed}}"


class Length:
    """Formats `{length:64}` in a message as ", 64 bits", and 0 as "" (exact search has no code)."""

    def __format__(self, bits):
        return "" if bits == "0" else f", {bits} bits"


length = Length()


wildcard_constraints:
    dataset=one_of(plan.datasets),
    protocol=one_of({protocol for _, protocol in plan.protocols}),
    backbone=one_of([*plan.backbones, paths.EMBEDDINGS, EXTERNAL]),
    features=one_of(plan.features),
    weights=one_of(plan.weights),
    variant=one_of(plan.variants),
    bits=r"\d+",
    seed=r"\d+",
    shard=r"\d+",
    shards=r"\d+",


def log_of(path, name):
    """The log of a job with results in a folder."""
    return f"{path.replace(RESULTS, f'{RESULTS}/logs', 1)}/{name}.log"


def benchmark_of(path, name):
    """The benchmark file of a job."""
    return f"{path.replace(RESULTS, f'{RESULTS}/benchmarks', 1)}/{name}.tsv"


def code(script):
    """Digests of the modules that a script depends on; Snakemake tracks the script itself."""
    return lambda wildcards: plan.code(f"{workflow.basedir}/workflow/scripts/{script}.py", wildcards)


def cell(wildcards):
    """The cell of a job."""
    (found,) = plan.cells_of(wildcards)
    return found


def cell_key(wildcards):
    """The table columns of a job's cell, as text: they become metadata of its files."""
    return {name: str(value) for name, value in plan.key(cell(wildcards)).items()}


def arguments(wildcards):
    """Arguments of the constructor of a job's method."""
    return plan.variants[wildcards.variant]["arguments"]


def shared(**inputs):
    """An input function: shared files, which count as changed only if their content differs.

    Snakemake compares the content of small files only, so a file itself is `ancient`, and its checksum represents it.
    """

    def files(wildcards):
        found, checksums = {}, []
        for name, path in inputs.items():
            path = path(wildcards) if callable(path) else path.format(**wildcards)
            checksum = plan.checksum_of(path, wildcards) if path else None
            found[name] = (path if checksum is None else ancient(path)) if path else []
            checksums += [checksum] if checksum else []
        return {**found, "checksums": list(dict.fromkeys(checksums))}

    return files


def checked(wildcards):
    """The file that marks the split as checked; rewriting it reruns nothing else."""
    path = plan.near_copies(wildcards)
    return ancient(path) if path else []


def shards(path):
    """An input function: one file for each shard of a dataset."""

    def files(wildcards):
        count = plan.datasets[wildcards.dataset]["shards"]
        return [path.format(**wildcards, shard=shard, shards=count) for shard in range(count)]

    return files


def of_shown(path):
    """An input function: one file for each cell that a setting's gallery shows, or for their settings."""
    return lambda wildcards: list(dict.fromkeys(plan.files(plan.shown(wildcards), path)))


def sized(amount, rule):
    """A resource function: the `megabytes` or `minutes` that a job requests, depending on its input."""

    def ask(wildcards, input, attempt):
        files = {name: path for name, path in input.items() if isinstance(path, str)}
        cells = plan.measured(wildcards) if rule in ("audit", "costs") else plan.cells_of(wildcards)
        return amount(rule, sizes(files, [cell.bits for cell in cells]), attempt)

    return ask


def gpus(wildcards):
    """Number of GPUs that a job of a deep method can use."""
    return int(plan.uses_gpu(wildcards))


def captioned(path, name, category="Result", **how):
    """A result that `snakemake --report` shows, with a caption."""
    return report(path, caption=f"../workflow/report/{name}.rst", category=category, **how)
