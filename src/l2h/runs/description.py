"""Write and read the description of a finished run, its `run.json`."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from l2h.bundles.manifest import MANIFEST
from l2h.errors import L2HError
from l2h.store import limits
from l2h.store.files import atomic
from l2h.store.sealing import sealed, unsealed

FILE = "run.json"  # in a run's folder
_NAME = r"[A-Za-z0-9][A-Za-z0-9_.-]*"
Count = Annotated[int, Field(ge=0)]
Amount = Annotated[float, Field(ge=0)]
SplitName = Annotated[str, Field(pattern=rf"^{_NAME}/{_NAME}$")]
Home = Annotated[str, Field(pattern=rf"^resources/(bundles/)?{_NAME}$")]


class _Part(BaseModel):
    model_config = ConfigDict(strict=True)


class _Note(_Part):
    what: str
    count: Count
    examples: list[str]
    more: bool


class _Split(_Part):
    sha256: str
    seed: Count
    query: Count
    train: Count
    database: Count
    neighbours: Count = 0
    notes: list[_Note] = []  # missing in older runs


class _Times(_Part):
    rule: str
    jobs: Amount
    wall: Amount
    processor: Amount
    memory: Amount


class _Threads(_Part):
    features: Annotated[int, Field(ge=1, le=1024)]


class _Settings(_Part):
    bits: list[Count]
    seeds: list[Count]
    threads: _Threads


class Facts(_Part):
    """A run's description, from `l2h.report.run_info.facts` and from the workflow; it may be untrusted."""

    command: str
    date: str = ""  # missing in older runs
    config: str
    versions: dict[str, str]
    system: str
    processors: list[str]
    splits: dict[SplitName, _Split]
    metrics: dict[str, str]
    times: list[_Times]
    settings: _Settings
    supervised: list[str]
    deterministic: list[str]
    homes: dict[str, Home]
    weights: dict[str, str]


def write(facts: Mapping[str, Any], path: str | Path) -> None:
    """Write the result of `l2h.report.run_info.facts`, with further entries of the description."""
    with atomic(path) as part:
        part.write_text(json.dumps(sealed(facts), indent=2) + "\n", encoding="utf-8")


def read(folder: str | Path) -> dict[str, Any]:
    """Read a run's description from its folder; raises L2HError if the run was not finished."""
    path = Path(folder) / FILE
    cure = f"finish the run: snakemake --cores 8 --configfile config/{Path(folder).name}.yaml"
    try:
        content = limits.read_json(path)
    except (FileNotFoundError, NotADirectoryError):
        raise L2HError(_no_run(Path(folder)) or f"{path} does not exist; {cure}") from None
    except (OSError, ValueError) as error:
        raise L2HError(f"{path} is damaged or cut short ({error}); delete it and {cure}") from error
    facts = unsealed(content, path, cure=f"delete it and {cure}")
    missing = [name for name, field in Facts.model_fields.items() if field.is_required() and name not in facts]
    if missing:
        raise L2HError(f"{path} lacks {', '.join(missing)}: another version of l2h wrote it; {cure}")
    try:
        Facts.model_validate(facts)
    except ValidationError as error:
        place = " ".join(map(str, error.errors()[0]["loc"]))[:80]
        raise L2HError(f"{path} is invalid at {place!r}; {cure}") from error
    return facts


def _no_run(folder: Path) -> str:
    """Why a path cannot be a run's folder; "" if it can."""
    if folder.suffix == ".tar" or (folder / MANIFEST).exists():
        return (
            f"{folder} is a bundle, which has neither images nor codes; name it in a config, pretrained: [{folder}], "
            "run that, and give the run's folder, results/<run>"
        )
    inside = sorted(str(path.parent) for depth in ("*", "results/*") for path in folder.glob(f"{depth}/{FILE}"))
    if inside:
        return f"{folder} is not a run, but contains runs; give one of {', '.join(inside)}"
    if folder.is_dir():
        return ""
    return f"there is no run {folder}; give a run's folder, such as results/quickstart"
