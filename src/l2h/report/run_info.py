"""Info on a run: its command and config, versions, machine, splits, time of each rule."""

import csv
import json
import platform
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

import l2h
from l2h import metrics
from l2h.errors import L2HError
from l2h.splits import notes
from l2h.store.manifests import read_manifest, read_notes
from l2h.store.splits import read_split

PACKAGES = ("numpy", "scipy", "scikit-learn", "torch", "torchvision", "numba", "faiss-cpu", "pyarrow", "snakemake")


def facts(
    command: str,
    config: str | Path,
    processors: Sequence[str],
    splits: Mapping[str, tuple[str | Path, str | Path]],
    plan: str | Path,
) -> dict[str, Any]:
    """Data for the report's section on the run.

    Parameters
    ----------
    command : the command that reproduces the run
    config : the config file
    processors : hardware that costs were measured on
    splits : the split file of each "<dataset>/<protocol>", and its manifest
    plan : file of the jobs that the report depends on: for each rule, Snakemake's benchmark files

    Returns
    -------
    "command"; "date", today's; "config", its text; "versions" by package, of Python and of this one; "system";
    "processors"; "splits": by "<dataset>/<protocol>", "seed", "sha256", numbers of images as "query", "train" and
    "database", "neighbours", the number of relevant items if these are nearest neighbours, and "notes", dicts from
    `l2h.store.read_notes` and `l2h.splits.notes`; "metrics": the formula of each; "times", from
    `rule_times`
    """
    return {
        "command": command,
        "date": date.today().isoformat(),
        "config": Path(config).read_text(encoding="utf-8"),
        "versions": {
            "l2h": l2h.__version__,
            "Python": platform.python_version(),
            **{name: version(name) for name in PACKAGES},
        },
        "system": platform.platform(),
        "processors": list(dict.fromkeys(processors)),
        "splits": {place: _split(*paths) for place, paths in splits.items()},
        "metrics": {name: metric.formula for name, metric in metrics.registered().items()},
        "times": rule_times(_plan(plan)),
    }


def rule_times(benchmarks: Mapping[str, Iterable[str | Path]]) -> list[dict[str, Any]]:
    """Number, time and memory of each rule's jobs.

    Parameters
    ----------
    benchmarks : for each rule the benchmark files of its jobs, one per job; missing files are ignored

    Returns
    -------
    dicts of "rule", "jobs", "wall" and "processor" (seconds, sums), "memory" (MiB, maximum); the longest first
    """
    times = []
    for rule, paths in benchmarks.items():
        jobs = [_benchmark(path) for path in map(Path, paths) if path.exists()]
        if jobs:
            sums = {name: sum(job[name] for job in jobs) for name in ("wall", "processor")}
            times.append({"rule": rule, "jobs": len(jobs), **sums, "memory": max(job["memory"] for job in jobs)})
    return sorted(times, key=lambda row: -row["wall"])


def differing(runs: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Differences between the configs of runs, and between their package versions.

    Parameters
    ----------
    runs : descriptions by name, from `l2h.runs.description.read`

    Returns
    -------
    dicts of "key", and "values", one per run; entries of a config's list are keyed by label or name, and None means
    that a run has no such entry
    """
    described = [{**_by_name(facts["settings"]), "versions": facts["versions"]} for facts in runs.values()]
    return [{"key": key, "values": values} for key, values in _differing(described, "")]


def _plan(path: str | Path) -> dict[str, Any]:
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        cure = "it is written when a run starts, so run snakemake without --no-hooks"
        raise L2HError(f"{path} does not exist; {cure}") from None


def _benchmark(path: Path) -> dict[str, float]:
    with path.open(encoding="utf-8", newline="") as file:
        (job,) = csv.DictReader(file, delimiter="\t")
    # Snakemake writes NA for a job that ended before its first measurement
    known = {name: 0.0 if job[name] == "NA" else float(job[name]) for name in ("s", "cpu_time", "max_rss")}
    return {"wall": known["s"], "processor": known["cpu_time"], "memory": known["max_rss"]}


def _split(path: str | Path, manifest_path: str | Path) -> dict[str, Any]:
    split = read_split(path)
    known = read_notes(manifest_path) + notes(split, read_manifest(manifest_path))
    counts = {
        "query": len(split.ids("query")),
        "train": len(split.ids("train")),
        "database": len(split.ids("database")),
    }
    near = {"neighbours": split.neighbours} if split.neighbours else {}
    return {"seed": split.seed, "sha256": split.sha256, **counts, **near, "notes": [asdict(note) for note in known]}


def _differing(values: list[Any], place: str) -> Iterator[tuple[str, list[Any]]]:
    if all(value == values[0] for value in values):
        return
    if all(isinstance(value, dict) for value in values):
        for key in dict.fromkeys(key for value in values for key in value):
            yield from _differing([value.get(key) for value in values], f"{place}.{key}" if place else key)
    else:
        yield place, values


def _by_name(value: Any) -> Any:
    """Convert lists of entries to dicts by their labels or names."""
    if isinstance(value, dict):
        return {key: _by_name(one) for key, one in value.items()}
    if isinstance(value, list) and value and all(isinstance(entry, dict) for entry in value):
        return {_name(entry): _by_name(entry) for entry in value}
    return value


def _name(entry: dict[str, Any]) -> str:
    parts = [entry.get("label", entry.get("name"))] + ([entry["protocol"]] if "reader" in entry else [])
    return " ".join(map(str, parts))
