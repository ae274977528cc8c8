"""Trace a result to its config, code, data and weights, each identified by a digest."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from l2h import paths
from l2h.backbones.weights import file_sha256
from l2h.errors import L2HError, line
from l2h.plan.code import digest
from l2h.runs import FOLDERS, Run
from l2h.runs.description import FILE
from l2h.store import limits
from l2h.store import tables as tables_files
from l2h.store.models import read_description
from l2h.store.tables import read_metadata

# the files of a setting in the order in which they are derived, by folder
OF_CELL = (paths.MODEL, paths.TRAINING, paths.CODES)
OF_VARIANT = (*paths.HISTOGRAMS.values(), *paths.RELEVANCE.values())
OF_SETTING = (paths.METRICS, paths.QUERIES)
TABLES = (paths.COSTS, paths.AUDIT, paths.GALLERY)  # derived from these
STAGES = [*OF_CELL, *OF_VARIANT, *OF_SETTING]

CURE = "give a file that a run wrote"  # it may be the user's own file, so no message advises deleting it


@dataclass
class Provenance:
    """Provenance of a file, or of a model's folder.

    Attributes
    ----------
    path : the file
    place : dataset, protocol, backbone, variant, and cell ("8bits-seed0"), as far as its path names them
    configs : sha256 of the config of each run that wrote or used it, by the run's folder
    data : sha256 of the splits, by "<dataset>/<protocol>", and of manifests, by "<dataset>"
    weights : sha256 of the backbones' weights, by their label or source
    rule : the rule that wrote it, if recorded
    code : digests of each module that it depends on; several, if parts were written by different versions
    problems : contradictions, one line each
    """

    path: Path
    place: dict[str, str] = field(default_factory=dict)
    configs: dict[str, str] = field(default_factory=dict)
    data: dict[str, str] = field(default_factory=dict)
    weights: dict[str, str] = field(default_factory=dict)
    rule: str | None = None
    code: dict[str, list[str]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    @cached_property
    def code_sha256(self) -> str:
        """One digest for all of the code."""
        return hashlib.sha256(json.dumps(self.code, sort_keys=True).encode()).hexdigest()

    @cached_property
    def changed_code(self) -> list[str]:
        """The modules of l2h that differ or are missing in this installation."""
        ours = (name for name in self.code if name.partition(".")[0] == "l2h")
        return [name for name in ours if self.code[name] != [_digest_here(name)]]


def trace(path: str | Path) -> Provenance:
    """Trace a file of a run, `results/<run>/...`, or a shared one, `resources/<dataset>/...`, to its sources.

    Raises
    ------
    L2HError
        the file is missing, damaged or elsewhere, or its run is not finished
    """
    path = Path(path)
    if not path.exists():
        raise L2HError(
            f"{path} does not exist; give a file of results/<run>/ or resources/<dataset>/, or a model's folder"
        )
    whole = path.resolve()
    root = next((folder for folder in whole.parents[1:] if folder.name in ("results", "resources")), None)
    if root is None and path.is_dir():
        raise L2HError(f"{path} is a folder; name a file in it")
    if root is None:
        raise L2HError(f"{path} is not in a folder results/<run> or resources/<dataset>; move it back")
    try:
        if root.name == "results":
            return _of_run(path, whole, Run(root / whole.relative_to(root).parts[0]))
        return _shared(path, whole, root)
    except L2HError:
        raise
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise L2HError(f"{path} cannot be traced: its run's {FILE} or a model.json lacks {line(error)}") from error


def _of_run(path: Path, whole: Path, run: Run) -> Provenance:
    facts = run.facts
    parts = whole.relative_to(run.folder).parts
    found = Provenance(path, configs={str(run.folder): _config(facts)})
    if parts[0] == "release":
        found.place = {"dataset": whole.stem}
    elif parts[0] in {cell["dataset"] for cell in run.cells}:
        found.place = dict(zip((*FOLDERS, "cell"), parts[:-1], strict=False))
    cells = [cell for cell in run.cells if _lies_in(cell, found.place)]
    for name, split in facts["splits"].items():
        if any(f"{cell['dataset']}/{cell['protocol']}" == name for cell in cells):
            found.data[name] = split["sha256"]
    last = _stage(parts)
    made_by = [_made_by(whole, CURE)]
    found.rule = made_by[0].get("rule")
    for cell in cells:
        made_by += _of_cell(found, run, cell)
    files = (run.file(template, cell) for cell in cells for template in STAGES[:last])
    made_by += map(_made_by, dict.fromkeys(file for file in files if file.suffix))
    if len(found.place) < len(FOLDERS) - 1:  # of the whole run; its last rule declares the inputs of its tables
        tables = (run.file(template, setting) for template in TABLES for setting in run.settings)
        made_by += [facts.get("made_by", {}), *map(_made_by, tables)]
    found.code = _merged(made_by)
    return found


def _of_cell(found: Provenance, run: Run, cell: Mapping[str, Any]) -> Iterator[Mapping[str, str]]:
    """Yield the sources of a cell's data and model; record its weights, and contradictions."""
    home = run.home(cell["dataset"])
    place = f"{cell['dataset']}/{cell['protocol']}"
    split = home / paths.SPLIT.format(protocol=cell["protocol"])
    yield _made_by(home / paths.MANIFEST)
    yield _made_by(split)
    if split.exists() and read_metadata(split).get("sha256") != found.data[place]:
        found.problems.append(f"{split} is not the split of the run; run it again")
    model = run.model(cell)
    if model.is_dir():
        description = read_description(model)
        data = description.get("data", {})
        features = data.get("features", {})
        yield description.get("made_by", {})
        yield features
        sha256 = features.get("weights_sha256") or data.get("weights_sha256")
        if sha256:
            found.weights.setdefault(cell["backbone"], sha256)
        if sha256 != found.weights.get(cell["backbone"]):
            found.problems.append(f"{model} was trained with other weights than the rest; run it again")
        if data.get("split_sha256") != found.data[place]:
            found.problems.append(f"{model} was trained on another split than the run's; run it again")


def _shared(path: Path, whole: Path, home: Path) -> Provenance:
    """Trace a shared file; home is `resources`."""
    parts = whole.relative_to(home).parts
    folder = home.joinpath(*parts[: 2 if parts[0] == "bundles" else 1])
    manifest = folder / paths.MANIFEST
    metadata = read_metadata(whole, cure=CURE) if whole.suffix == ".parquet" else {}
    made_by = [_made_by(whole, CURE), _made_by(manifest)]
    found = Provenance(path, rule=made_by[0].get("rule"))
    if manifest.exists():
        found.data[parts[0]] = file_sha256(manifest)
    if "split_sha256" in metadata or "sha256" in metadata:
        protocol = metadata.get("mirrored") or metadata["protocol"]
        found.data[f"{parts[0]}/{protocol}"] = metadata.get("split_sha256") or metadata["sha256"]
    if "weights_sha256" in metadata:
        found.weights[metadata["weights"]] = metadata["weights_sha256"]
        if metadata.get("manifest_sha256", found.data.get(parts[0])) != found.data.get(parts[0]):
            found.problems.append(f"{manifest} is not the one that {path} was made from; run it again")
    if parts[0] == "weights":
        found.weights[whole.stem] = file_sha256(whole)
    found.code = _merged(made_by)
    for file in sorted(home.parent.glob(f"results/*/{FILE}")):
        run = Run(file.parent)
        used = [str(run.root / name) for name in (*run.facts["homes"].values(), *run.facts["weights"].values())]
        if any(str(one) in used for one in (folder, whole)):
            found.configs[str(run.folder)] = _config(run.facts)
    return found


def _lies_in(cell: Mapping[str, Any], place: Mapping[str, str]) -> bool:
    return all((cell["folder"].name if key == "cell" else cell[key]) == value for key, value in place.items())


def _stage(parts: tuple[str, ...]) -> int:
    """Number of STAGES that a file of a run is or depends on; all, if it is none of them."""
    for number, template in enumerate(STAGES, start=1):
        folders = template.split("/")
        if len(parts) >= len(folders) and parts[len(folders) - 1] == folders[-1]:
            return number
    return len(STAGES)


def _made_by(path: Path, cure: str = tables_files.CURE) -> Mapping[str, str]:
    """The origin recorded in a file; empty for file types without a record."""
    if not path.exists():
        return {}
    if path.suffix == ".parquet":
        return read_metadata(path, cure=cure)
    try:
        if path.is_dir() and (path / "model.json").exists():
            path = path / "model.json"
        return dict(limits.read_json(path).get("made_by", {})) if path.suffix == ".json" else {}
    except (OSError, ValueError) as error:
        raise L2HError(f"{path} is damaged or cut short ({error}); {cure}") from error


def _merged(made_by: Iterable[Mapping[str, str]]) -> dict[str, list[str]]:
    modules: dict[str, set[str]] = {}
    for one in made_by:
        for name, found in json.loads(one.get("code", "{}")).items():
            modules.setdefault(name, set()).add(found)
    return {name: sorted(digests) for name, digests in sorted(modules.items())}


def _digest_here(name: str) -> str | None:
    """As `l2h.plan.code.digests`; None if the module does not exist here."""
    spec = find_spec(name)
    return digest(spec.origin) if spec is not None and spec.origin else None


def _config(facts: Mapping[str, Any]) -> str:
    return hashlib.sha256(facts["config"].encode()).hexdigest()
