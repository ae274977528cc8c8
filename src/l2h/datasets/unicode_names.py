"""Match names that differ only in Unicode normalisation: composed (NFC), or decomposed (NFD) as on macOS."""

import os
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from l2h.datasets.problems import Problems


class Files:
    """Find files below a folder by their names in either form.

    Parameters
    ----------
    root : the folder that paths are relative to
    """

    def __init__(self, root: Path):
        self._root = root
        self._names: dict[str, dict[str, str]] = {}  # by folder: spelling on disk, by composed form

    def find(self, path: str) -> str:
        """Return the path as spelled on disk; unchanged if it exists as given, or in neither form."""
        if path.isascii() or self._exists(path):
            return path
        found = ""
        for part in PurePosixPath(path).parts:
            exact = os.path.join(found, part)
            if not self._exists(exact):
                spelled = self._names_in(found).get(unicodedata.normalize("NFC", part))
                if spelled is None:
                    return path
                exact = os.path.join(found, spelled)
            found = exact
        return found

    def _exists(self, path: str) -> bool:
        return os.path.lexists(os.path.join(self._root, path))

    def _names_in(self, folder: str) -> dict[str, str]:
        if folder not in self._names:
            try:
                names = os.listdir(os.path.join(self._root, folder))
            except OSError:
                names = []
            self._names[folder] = {unicodedata.normalize("NFC", name): name for name in names}
        return self._names[folder]


def note_alike(names: Iterable[str], problems: Problems) -> None:
    """Add the classes whose names differ only in Unicode normalisation, which is invisible."""
    alike = defaultdict(list)
    for name in names:
        alike[unicodedata.normalize("NFC", name)].append(ascii(name))
    for some in alike.values():
        if len(some) > 1:
            problems.add("classes whose names differ only in Unicode normalisation", " and ".join(some))
