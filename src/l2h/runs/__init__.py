"""A finished run, by its folder."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from l2h import not_run
from l2h.runs import description

FOLDERS = ("dataset", "protocol", "backbone", "variant")
_NUMBERS = re.compile(r"(\d+)bits-seed(\d+)")


@dataclass(frozen=True)
class Run:
    """The folder `results/<run>`, from which all that the run used and made is found."""

    folder: Path

    @cached_property
    def facts(self) -> dict[str, Any]:
        """What the run says of itself; L2HError where there is no run, or it has not come to its end."""
        return description.read(self.folder)

    @property
    def root(self) -> Path:
        """The working directory that the run's paths are relative to."""
        return Path(os.path.normpath(self.folder / ".." / ".."))

    def cells(self, file: str) -> list[dict[str, Any]]:
        """The cells that have a file of this name: dataset, protocol, backbone, variant, bits, seed, and `folder`."""
        found = []
        for path in sorted(self.folder.glob(f"*/*/*/*/*/{file}")):
            *place, name = path.parent.relative_to(self.folder).parts
            numbers = _NUMBERS.fullmatch(name)
            if numbers and not not_run.find(path):
                key = dict(zip(FOLDERS, place, strict=True))
                found.append({**key, "bits": int(numbers[1]), "seed": int(numbers[2]), "folder": path.parent})
        return found

    def model(self, cell: Mapping[str, Any]) -> Path:
        """The folder of a cell's model, among the results or in the bundle that it was taken from; maybe of none."""
        folder: Path = cell["folder"]
        place = "/".join(cell[name] for name in FOLDERS[1:])
        home = self.root / self.facts["homes"][cell["dataset"]]
        return home / f"models/{place}/{folder.name}" if home.parent.name == "bundles" else folder / "model"
