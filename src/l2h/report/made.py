"""How a run was made: its command and config, versions, machine, splits, the time of each rule; kept as `run.json`."""

import csv
import json
import platform
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import l2h
from l2h import bounds, store
from l2h.errors import L2HError
from l2h.evaluation import METRICS

FILE = "run.json"  # in a run's folder
PACKAGES = ("numpy", "scipy", "scikit-learn", "torch", "torchvision", "numba", "faiss-cpu", "pyarrow", "snakemake")


def facts(
    command: str,
    config: str | Path,
    processors: Sequence[str],
    splits: Mapping[str, str | Path],
    benchmarks: Iterable[str | Path],
) -> dict[str, Any]:
    """What the report's last section shows.

    Parameters
    ----------
    command : what makes the run again
    config : the config file
    processors : what costs were measured on
    splits : the split file of each "<dataset>/<protocol>"
    benchmarks : Snakemake's benchmark files, as for `rule_times`

    Returns
    -------
    "command"; "config", its text; "versions" by package, of Python and of this one; "system"; "processors"; "splits":
    by "<dataset>/<protocol>", "seed", "sha256", and how many images are "query", "train" and "database"; "metrics":
    the formula of each; "times"
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
        "metrics": {name: metric.formula for name, metric in METRICS.items()},
        "times": rule_times(benchmarks),
    }


def write(facts: Mapping[str, Any], path: str | Path) -> None:
    """Write what `facts` gives, and whatever else a run says of itself."""
    with store.atomic(path) as part:
        part.write_text(json.dumps(store.sealed(facts), indent=2) + "\n", encoding="utf-8")


def read(folder: str | Path) -> dict[str, Any]:
    """What a run, by its folder, says of itself; raises L2HError where it was not run to its end."""
    path = Path(folder) / FILE
    cure = f"run it to its end: snakemake --cores 8 --configfile config/{Path(folder).name}.yaml"
    try:
        return store.unsealed(bounds.read_json(path), path, cure=f"delete it and {cure}")
    except L2HError:
        raise
    except FileNotFoundError:
        raise L2HError(
            f"{path} does not exist; {cure}" if path.parent.is_dir() else f"there is no run {folder}"
        ) from None
    except (OSError, ValueError) as error:
        raise L2HError(f"{path} is damaged or cut short ({error}); delete it and {cure}") from error


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


def differing(runs: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What differs between the configs of runs, and between the packages that made them.

    Parameters
    ----------
    runs : by name, what each says of itself, from `read`

    Returns
    -------
    dicts of "key", and "values", one a run; an entry of a config's list goes by its label or name, and None stands for
    what a run does not have
    """
    described = [{**_by_name(facts["settings"]), "versions": facts["versions"]} for facts in runs.values()]
    return [{"key": key, "values": values} for key, values in _differing(described, "")]


def _split(path: str | Path) -> dict[str, Any]:
    split = store.read_split(path)
    counts = {
        "query": len(split.ids("query")),
        "train": len(split.ids("train")),
        "database": len(split.ids("database")),
    }
    return {"seed": split.seed, "sha256": split.sha256, **counts}


def _differing(values: list[Any], place: str) -> Iterator[tuple[str, list[Any]]]:
    if all(value == values[0] for value in values):
        return
    if all(isinstance(value, dict) for value in values):
        for key in dict.fromkeys(key for value in values for key in value):
            yield from _differing([value.get(key) for value in values], f"{place}.{key}" if place else key)
    else:
        yield place, values


def _by_name(value: Any) -> Any:
    """Lists of entries as dicts, by what tells the entries apart."""
    if isinstance(value, dict):
        return {key: _by_name(one) for key, one in value.items()}
    if isinstance(value, list) and value and all(isinstance(entry, dict) for entry in value):
        return {_name(entry): _by_name(entry) for entry in value}
    return value


def _name(entry: dict[str, Any]) -> str:
    parts = [entry.get("label", entry.get("name"))] + ([entry["protocol"]] if "reader" in entry else [])
    return " ".join(map(str, parts))
