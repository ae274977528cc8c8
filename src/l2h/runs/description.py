"""What a finished run says of itself, its `run.json`: the form of it, written and read."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from l2h.bundles.manifest import MANIFEST
from l2h.errors import L2HError
from l2h.store import limits
from l2h.store.files import atomic
from l2h.store.sealing import sealed, unsealed

FILE = "run.json"  # in a run's folder
# what a run says of itself: from `l2h.report.run_info.facts`, and from the workflow
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


def write(facts: Mapping[str, Any], path: str | Path) -> None:
    """Write what `l2h.report.run_info.facts` gives, and whatever else a run says of itself."""
    with atomic(path) as part:
        part.write_text(json.dumps(sealed(facts), indent=2) + "\n", encoding="utf-8")


def read(folder: str | Path) -> dict[str, Any]:
    """What a run, by its folder, says of itself; raises L2HError where it was not run to its end."""
    path = Path(folder) / FILE
    cure = f"run it to its end: snakemake --cores 8 --configfile config/{Path(folder).name}.yaml"
    try:
        content = limits.read_json(path)
    except (FileNotFoundError, NotADirectoryError):
        raise L2HError(_no_run(Path(folder)) or f"{path} does not exist; {cure}") from None
    except (OSError, ValueError) as error:
        raise L2HError(f"{path} is damaged or cut short ({error}); delete it and {cure}") from error
    facts = unsealed(content, path, cure=f"delete it and {cure}")
    missing = [name for name in SAID if name not in facts]
    if missing:
        raise L2HError(f"{path} does not say {', '.join(missing)}: another version of l2h wrote it; {cure}")
    for fault in Draft202012Validator(FORM).iter_errors(facts):
        place = " ".join(map(str, fault.absolute_path))[:80]
        raise L2HError(f"{path} is not as l2h writes it, in {place!r}; {cure}")
    return facts


def _no_run(folder: Path) -> str:
    """What a path is that cannot be a run's folder; "" where it can."""
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
