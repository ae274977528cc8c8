"""Estimate the cost of a sweep in jobs, core-hours and GPU-hours, from its dry run and benchmark files of smaller runs.

The time of a job of each rule and method is a linear function of the size of its data, from non-negative least squares.
It is reliable if the machine was idle and the sizes differ enough. For deep methods the size is the number of training
images, with the same ratio of encoding to training as in the measured runs. The pipeline's overhead is the time of a
cell's jobs for data of size 0: starting a process and its imports, which one long script would do once.
"""

import argparse
import csv
import json
import os
import re
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import yaml
from scipy.optimize import nnls

from l2h.datasets.images import DECODERS
from l2h.plan.resources import Sizes, sizes

ROOT = Path(__file__).parents[1]
# from the protocols, and for NUS-WIDE from HashNet's lists; AlexNet's fc7
SWEEP = {
    "mnist": Sizes(images=70_000, width=4096, query=1000, train=5000, database=69_000),
    "cifar10": Sizes(images=60_000, width=4096, query=1000, train=5000, database=59_000),
    "nuswide_81_m": Sizes(images=173_692, width=4096, query=5000, train=10_000, database=168_692),
}
DEEP = {"train dsh", "train hashnet", "train bihalf"}
ON_GPU = {"features", "mirrored features", "costs", *DEEP}
CORES = {"dataset": DECODERS, "check_split": DECODERS, "gallery": DECODERS, "costs": os.cpu_count() or 1}
STARTS = re.compile("train|rank|add shards|evaluate")
DATASET = re.compile(r"(?:resources|results/[\w-]+(?:/benchmarks)?)/([\w-]+)/")


class Job(NamedTuple):
    """A job's kind and size: a number of pairs, values or images, in millions."""

    kind: str
    size: float


def job(rule: str, path: str, data: dict[str, Sizes], cells: int = 1) -> Job:
    """The job of a rule, from its output or benchmark file; `cells` is the number of cells of a method."""
    dataset = DATASET.match(path)
    of = data.get(dataset[1], Sizes()) if dataset else Sizes()
    method = re.search(r"/(\w+)/\d+bits-seed\d+/", path)
    shards = re.search(r"/shard\d+of(\d+)/", path)
    kind = f"train {method[1]}" if rule.startswith("train") and method else rule.removesuffix("_shard")
    by_kind = {
        "rank": cells * of.query * of.database / (int(shards[1]) if shards else 1),
        "check_split": of.query * of.database,
        "mirrored_features": of.train,
        "evaluate": cells * of.query,
        **dict.fromkeys(DEEP, of.train * of.width),
    }
    other = of.images * (of.width if rule.startswith("train") else 1)
    return Job(kind.replace("_", " "), by_kind.get(kind, other) / 1e6)


def cells_of(settings: dict[str, Any]) -> int:
    """Number of a method's cells for one dataset and backbone."""
    return len(settings.get("bits", [8, 16, 32, 64])) * len(settings.get("seeds", [0]))


def measured(results: Path) -> Iterator[tuple[Job, float]]:
    """Jobs and seconds from the benchmark files of a finished run, `results/<run>`."""
    home = results.parents[1]
    cells = cells_of(json.loads((results / "run.json").read_text())["settings"])
    data = {}
    for folder in (home / "resources").iterdir():
        splits = [path for path in folder.glob("splits/*.parquet") if ".near_copies" not in path.name]
        features = [path for path in folder.glob("features/*.parquet") if "-mirrored-" not in path.name]
        if splits and features:
            data[folder.name] = sizes({"split": str(splits[0]), "features": str(features[0])})
    files = json.loads((results / "plan.json").read_text())
    files["report"] = [f"{results.relative_to(home)}/benchmarks/report.tsv"]
    for rule, paths in files.items():
        for path in paths:
            with (home / path).open() as file:
                yield job(rule, path, data, cells), float(next(csv.DictReader(file, delimiter="\t"))["s"])


def planned(config: Path, folder: Path) -> tuple[Counter[Job], float]:
    """Number of each job of a sweep, and the seconds of a dry run."""
    command = [sys.executable, "-m", "snakemake", "--snakefile", ROOT / "Snakefile", "--directory", folder]
    command += ["--configfile", config, "--cores", "1"]
    start = time.perf_counter()
    subprocess.run([*command, "--dry-run"], check=True, capture_output=True)  # noqa: S603 (paths from the command line)
    taken = time.perf_counter() - start
    said = subprocess.run([*command, "--summary"], check=True, text=True, capture_output=True).stdout  # noqa: S603
    rows = csv.DictReader(said.splitlines(), delimiter="\t")
    files = {(row["rule"], str(Path(row["output_file"]).parent) + "/") for row in rows}  # a job's lie in one folder
    cells = cells_of(yaml.safe_load(config.read_text()))
    return Counter(job(rule, path, SWEEP, cells) for rule, path in files), taken


def lines(jobs: Iterator[tuple[Job, float]]) -> dict[str, tuple[float, float]]:
    """Seconds of a job of each kind: (at size 0, added per unit of size)."""
    points = defaultdict(list)
    for one, seconds in jobs:
        points[one.kind].append((one.size, seconds))
    result = {}
    for kind, found in points.items():
        size, seconds = np.array(found).T
        (start, slope), _ = nnls(np.column_stack([np.ones(len(size)), size]), seconds)
        result[kind] = (start, slope)
    return result


def main() -> None:
    """Plan, estimate and print Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", type=Path, nargs="+", help="finished runs of other sizes, such as results/quickstart")
    parser.add_argument("--config", type=Path, default=ROOT / "config" / "config.yaml", help="config of the sweep")
    parser.add_argument(
        "--folder", type=Path, default=Path(), help="working directory of the sweep, with NUS-WIDE's lists"
    )
    parser.add_argument("--threads", type=int, default=1, help="of features, as in the config")
    arguments = parser.parse_args()
    jobs, dry = planned(arguments.config.resolve(), arguments.folder)
    model = lines(found for run in arguments.runs for found in measured(run.resolve()))
    cores = {**CORES, "features": arguments.threads, "mirrored features": arguments.threads}

    rows: dict[str, list[float]] = defaultdict(lambda: [0, 0, 0])  # jobs, core-seconds, those of starts
    kinds = {one.kind for one in jobs}
    unknown = sorted(kinds - set(model) - {"all", "weights", "add shards"})
    # the start of a deep training is too short to estimate, so use that of another method
    least = min((model[kind][0] for kind in kinds & set(model) - DEEP if kind.startswith("train")), default=0)
    for one, count in jobs.items():
        start, slope = model.get(one.kind, (0, 0))
        own = least if one.kind in DEEP else start
        on = cores.get(one.kind, 1)
        added = (count, count * on * (start + slope * one.size), count * on * own * bool(STARTS.match(one.kind)))
        rows[one.kind] = [a + b for a, b in zip(rows[one.kind], added, strict=True)]

    print(f"## Cost of {arguments.config.name}\n")
    runs = ", ".join(map(str, arguments.runs))
    print(f"{sum(jobs.values()):,} jobs; a dry run takes {dry:.1f} s. Measured on {runs}.\n")
    print("| job | jobs | seconds each | core-hours | of these, starts |\n|:--|--:|--:|--:|--:|")
    total = [sum(column) for column in zip(*rows.values(), strict=True)]
    for kind, (count, seconds, own) in [*sorted(rows.items(), key=lambda row: -row[1][1]), ("**all**", total)]:
        print(f"| {kind} | {count:,} | {seconds / count:.1f} | {seconds / 3600:.2f} | {own / 3600:.2f} |")
    gpu = sum(rows[kind][1] / cores.get(kind, 1) for kind in ON_GPU & set(rows)) / 3600
    print(f"\nGPU-hours, if a GPU took as long as these cores do: {gpu:.1f}. Starts: {total[2] / total[1]:.1%} of all.")
    if unknown:
        print(f"Not measured, counted as 0: {', '.join(unknown)}.")


if __name__ == "__main__":
    main()
