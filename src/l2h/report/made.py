"""How a run was made: its command and config, versions, machine, splits, time of each rule; kept as `run.json`."""

import csv
import json
import platform
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import l2h
from l2h import bounds, store
from l2h.errors import L2HError
from l2h.evaluation import METRICS
from l2h.splits import notes

FILE = "run.json"  # in a run's folder
# what a run says of itself: from `facts`, and from the workflow
SAID = ["command", "config", "versions", "system", "processors", "splits", "metrics", "times"]
SAID += ["settings", "supervised", "deterministic", "homes", "weights"]
_TEXT, _COUNT, _AMOUNT = {"type": "string"}, {"type": "integer", "minimum": 0}, {"type": "number", "minimum": 0}
_NAME = r"[A-Za-z0-9][A-Za-z0-9_.-]*"


def _list(items: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "array", "items": items, **more}


def _mapping(values: Mapping[str, Any], names: str = "") -> dict[str, Any]:
    return {"type": "object", "additionalProperties": values, "propertyNames": {"pattern": names}}


def _object(**properties: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties)}


_SPLIT = _object(sha256=_TEXT, **dict.fromkeys(("seed", "query", "train", "database"), _COUNT))
_NOTE = _object(what=_TEXT, count=_COUNT, examples=_list(_TEXT), more={"type": "boolean"})
_SPLIT["properties"]["notes"] = _list(_NOTE)  # which older runs do not have
# the form of SAID, as a JSON schema: a run may be a stranger's
FORM = _object(
    **dict.fromkeys(("command", "config", "system"), _TEXT),
    **dict.fromkeys(("processors", "supervised", "deterministic"), _list(_TEXT)),
    **dict.fromkeys(("versions", "metrics", "weights"), _mapping(_TEXT)),
    splits=_mapping(_SPLIT, rf"^{_NAME}/{_NAME}\Z"),
    times=_list(_object(rule=_TEXT, **dict.fromkeys(("jobs", "wall", "processor", "memory"), _AMOUNT))),
    settings=_object(
        bits=_list(_COUNT), seeds=_list(_COUNT), threads=_object(features={**_COUNT, "minimum": 1, "maximum": 1024})
    ),
    homes=_mapping({"type": "string", "pattern": rf"^resources/(bundles/)?{_NAME}\Z"}),
)
PACKAGES = ("numpy", "scipy", "scikit-learn", "torch", "torchvision", "numba", "faiss-cpu", "pyarrow", "snakemake")


def facts(
    command: str,
    config: str | Path,
    processors: Sequence[str],
    splits: Mapping[str, tuple[str | Path, str | Path]],
    plan: str | Path,
) -> dict[str, Any]:
    """What the report's last section shows.

    Parameters
    ----------
    command : what makes the run again
    config : the config file
    processors : what costs were measured on
    splits : the split file of each "<dataset>/<protocol>", and the manifest that it was made of
    plan : file of the jobs that the report rests on: for each rule, Snakemake's benchmark files

    Returns
    -------
    "command"; "config", its text; "versions" by package, of Python and of this one; "system"; "processors"; "splits":
    by "<dataset>/<protocol>", "seed", "sha256", how many images are "query", "train" and "database", and "notes", dicts
    of what `l2h.store.read_notes` and `l2h.splits.notes` give; "metrics": the formula of each; "times",
    from `rule_times`
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
        "splits": {place: _split(*paths) for place, paths in splits.items()},
        "metrics": {name: metric.formula for name, metric in METRICS.items()},
        "times": rule_times(_plan(plan)),
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
        content = bounds.read_json(path)
    except (FileNotFoundError, NotADirectoryError):
        raise L2HError(_no_run(Path(folder)) or f"{path} does not exist; {cure}") from None
    except (OSError, ValueError) as error:
        raise L2HError(f"{path} is damaged or cut short ({error}); delete it and {cure}") from error
    facts = store.unsealed(content, path, cure=f"delete it and {cure}")
    missing = [name for name in SAID if name not in facts]
    if missing:
        raise L2HError(f"{path} does not say {', '.join(missing)}: another version of l2h wrote it; {cure}")
    from jsonschema import Draft202012Validator

    for fault in Draft202012Validator(FORM).iter_errors(facts):
        place = " ".join(map(str, fault.absolute_path))[:80]
        raise L2HError(f"{path} is not as l2h writes it, in {place!r}; {cure}")
    return facts


def rule_times(benchmarks: Mapping[str, Iterable[str | Path]]) -> list[dict[str, Any]]:
    """How many jobs of each rule ran, and what they took.

    Parameters
    ----------
    benchmarks : for each rule the files of its jobs, of which each holds one; those that are not there are left out

    Returns
    -------
    dicts of rule, jobs, wall and processor (seconds, sums), memory (MiB, the greatest); the longest first
    """
    times = []
    for rule, paths in benchmarks.items():
        jobs = [_benchmark(path) for path in map(Path, paths) if path.exists()]
        if jobs:
            sums = {name: sum(job[name] for job in jobs) for name in ("wall", "processor")}
            times.append({"rule": rule, "jobs": len(jobs), **sums, "memory": max(job["memory"] for job in jobs)})
    return sorted(times, key=lambda row: -row["wall"])


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


def _no_run(folder: Path) -> str:
    """What a path is that cannot be a run's folder; "" where it can."""
    from l2h.bundles.manifest import MANIFEST

    if folder.suffix == ".tar" or (folder / MANIFEST).exists():
        return (
            f"{folder} is a bundle, which has neither images nor codes; name it in a config, pretrained: [{folder}], "
            "run that, and give the run's folder, results/<run>"
        )
    inside = sorted(str(path.parent) for path in folder.glob(f"*/{FILE}"))
    if inside:
        return f"{folder} is no run, but holds some; give one of {', '.join(inside)}"
    if folder.is_dir():
        return ""
    return f"there is no run {folder}; give a run's folder, as results/quickstart"


def _plan(path: str | Path) -> dict[str, Any]:
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        cure = "it is written when a run starts, so run snakemake without --no-hooks"
        raise L2HError(f"{path} does not exist; {cure}") from None


def _benchmark(path: Path) -> dict[str, float]:
    with path.open(encoding="utf-8", newline="") as file:
        (job,) = csv.DictReader(file, delimiter="\t")
    # Snakemake writes NA for a job that ended before it was looked at
    known = {name: 0.0 if job[name] == "NA" else float(job[name]) for name in ("s", "cpu_time", "max_rss")}
    return {"wall": known["s"], "processor": known["cpu_time"], "memory": known["max_rss"]}


def _split(path: str | Path, manifest_path: str | Path) -> dict[str, Any]:
    split = store.read_split(path)
    known = store.read_notes(manifest_path) + notes(split, store.read_manifest(manifest_path))
    counts = {
        "query": len(split.ids("query")),
        "train": len(split.ids("train")),
        "database": len(split.ids("database")),
    }
    return {"seed": split.seed, "sha256": split.sha256, **counts, "notes": [asdict(note) for note in known]}


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
