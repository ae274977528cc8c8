"""How a run was made: its command and config, versions, machine, splits, and the time of each rule."""

import csv
import platform
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import l2h
from l2h import store

PACKAGES = ("numpy", "scipy", "scikit-learn", "torch", "torchvision", "numba", "faiss-cpu", "pyarrow", "snakemake")


def facts(
    command: str,
    config: str | Path,
    processors: Sequence[str],
    splits: Mapping[tuple[str, str], str | Path],
    benchmarks: Iterable[str | Path],
) -> dict[str, Any]:
    """What the report's last section shows.

    Parameters
    ----------
    command : what makes the run again
    config : the config file
    processors : what costs were measured on
    splits : the split file of each dataset and protocol
    benchmarks : Snakemake's benchmark files, as for `rule_times`

    Returns
    -------
    "command"; "config", its text; "versions" by package, of Python and of this one; "system"; "processors"; "splits":
    by dataset and protocol, "seed", "sha256", and how many images are "query", "train" and "database"; "times"
    """
    return {
        "command": command,
        "config": Path(config).read_text(encoding="utf-8"),
        "versions": {
            "l2h": l2h.__version__,
            "Python": platform.python_version(),
            **{name: version(name) for name in PACKAGES},
        },
        "system": platform.platform(),
        "processors": list(dict.fromkeys(processors)),
        "splits": {place: _split(path) for place, path in splits.items()},
        "times": rule_times(benchmarks),
    }


def rule_times(paths: Iterable[str | Path]) -> list[dict[str, Any]]:
    """How many jobs of each rule ran, and what they took.

    Parameters
    ----------
    paths : `<rule>.tsv` or `<rule>-<which>.tsv`, of which each holds one job; files that are not there are left out

    Returns
    -------
    dicts of rule, jobs, wall and processor (seconds, sums), memory (MiB, the greatest); the longest first
    """
    times: dict[str, dict[str, Any]] = {}
    for path in map(Path, paths):
        if not path.exists():
            continue
        with path.open(encoding="utf-8", newline="") as file:
            (job,) = csv.DictReader(file, delimiter="\t")
        rule = path.stem.partition("-")[0]
        row = times.setdefault(rule, {"rule": rule, "jobs": 0, "wall": 0.0, "processor": 0.0, "memory": 0.0})
        row["jobs"] += 1
        row["wall"] += float(job["s"])
        # Snakemake writes NA for a job that ended before it was looked at
        row["processor"] += float(job["cpu_time"]) if job["cpu_time"] != "NA" else 0.0
        row["memory"] = max(row["memory"], float(job["max_rss"]) if job["max_rss"] != "NA" else 0.0)
    return sorted(times.values(), key=lambda row: -row["wall"])


def _split(path: str | Path) -> dict[str, Any]:
    split = store.read_split(path)
    counts = {
        "query": len(split.ids("query")),
        "train": len(split.ids("train")),
        "database": len(split.ids("database")),
    }
    return {"seed": split.seed, "sha256": split.sha256, **counts}
