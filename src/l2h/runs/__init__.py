"""Finished runs."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from l2h import paths
from l2h.errors import L2HError
from l2h.runs import description
from l2h.splits import Split
from l2h.store import not_run
from l2h.store.cells import CELL_KEY, EXACT, cell_keys
from l2h.store.splits import read_split

FOLDERS = ("dataset", "protocol", "backbone", "variant")


@dataclass(frozen=True)
class Run:
    """A finished run, given by its folder `results/<run>`."""

    folder: Path

    @cached_property
    def facts(self) -> dict[str, Any]:
        """The run's description; raises L2HError if there is no run, or it is not finished."""
        return description.read(self.folder)

    @property
    def root(self) -> Path:
        """The working directory that the run's paths are relative to."""
        return Path(os.path.normpath(self.folder / ".." / ".."))

    @cached_property
    def settings(self) -> list[dict[str, str]]:
        """Dataset, protocol and backbone of each setting that was evaluated."""
        form = paths.pattern(paths.QUERIES)
        known = (form.fullmatch(str(path.relative_to(self.folder))) for path in sorted(self.folder.glob("*/*/*/*")))
        return [match.groupdict() for match in known if match]

    @cached_property
    def cells(self) -> list[dict[str, Any]]:
        """The evaluated cells: their keys as in paths, and `folder`."""
        found = []
        for setting in self.settings:
            for key in cell_keys(self.file(paths.QUERIES, setting)):
                named = {name: key[name] for name in CELL_KEY if name not in ("weights", "method", "scope")}
                without_length = {**named, "bits": 0}  # in paths, if the config does not set the length
                if key["scope"] == EXACT or self.file(paths.CELL, without_length).exists():
                    named = without_length
                found.append({**named, "folder": self.file(paths.CELL, named)})
        return found

    @cached_property
    def coded(self) -> list[dict[str, Any]]:
        """The cells that have codes, evaluated or not; as `cells`."""
        form = paths.pattern(paths.CODES)
        found = []
        for path in sorted(self.folder.glob("*/*/*/*/*/*")):
            match = form.fullmatch(str(path.relative_to(self.folder)))
            if match and not not_run.find(path):
                named: dict[str, Any] = match.groupdict()
                found.append({**named, **{name: int(named[name]) for name in ("bits", "seed")}, "folder": path.parent})
        return found

    def file(self, template: str, names: Mapping[str, Any]) -> Path:
        """A file of the run, from a template of `l2h.paths`."""
        return self.folder / template.format(**names)

    def home(self, dataset: str) -> Path:
        """The folder of a dataset's manifest, splits and features."""
        return self.root / self.facts["homes"][dataset]

    def model(self, cell: Mapping[str, Any]) -> Path:
        """The folder of a cell's model, in the results or in the unpacked bundle; it may not exist."""
        home = self.home(cell["dataset"])
        if home.parent.name == "bundles":
            return home / paths.BUNDLED_MODEL.format(**cell)
        return self.file(paths.MODEL, cell)

    def split(self, cell: Mapping[str, Any]) -> Split:
        """A cell's split; raises L2HError if it is missing, or is not the split of the run."""
        path = self.home(cell["dataset"]) / paths.SPLIT.format(**cell)
        self.require(path)
        split = read_split(path)
        if split.sha256 != self.facts["splits"][f"{cell['dataset']}/{cell['protocol']}"]["sha256"]:
            raise L2HError(f"the split {cell['protocol']} has changed since {self.folder} was created; run it again")
        return split

    def require(self, path: Path) -> None:
        """Raise L2HError, with the command that creates it, if a file or folder of the run is missing."""
        if not path.exists():
            raise L2HError(f"{path} does not exist; create it with: {self.making(path)}")

    def making(self, path: Path) -> str:
        """The run's command, for only one of its files."""
        command: str = self.facts["command"]
        return command.replace(" ", f" {os.path.relpath(path, self.root)} ", 1)

    def is_ranked_by_codes(self, cell: Mapping[str, Any]) -> bool:
        """Whether a method has codes; those that rank by scores have none."""
        return self.file(paths.HISTOGRAMS["database"], cell).exists()
