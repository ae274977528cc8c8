"""Find the images in a folder with a subfolder for each class, by file names only."""

import os
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from l2h.datasets.decoding import SUFFIXES
from l2h.datasets.problems import Problems
from l2h.datasets.unicode_names import note_alike
from l2h.errors import L2HError
from l2h.notes import SHOWN

UNFIT = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")  # control characters, and bytes that are not UTF-8
UNFIT_PATHS = "paths with control characters, or not in UTF-8"


@dataclass(frozen=True)
class Tree:
    """Content of a folder; all paths are relative to it and sorted.

    Attributes
    ----------
    files : all files, and links to files
    folders : all folders that are not links
    links : links to folders, which are not followed, because they may lead out of the folder or in a circle
    closed : folders that cannot be read
    """

    files: list[str]
    folders: list[str]
    links: list[str]
    closed: list[str]


@dataclass(frozen=True)
class Classes:
    """The images below a folder whose subfolders are the classes.

    Attributes
    ----------
    images : path and label of each, sorted by path
    names : of the classes; a label is a position in this list
    empty : class folders without an image, which do not become classes
    """

    images: list[tuple[str, int]]
    names: list[str]
    empty: list[str]


def find_classes(root: Path, problems: Problems, left_out: Problems) -> Classes:
    """Find the images of each class; subfolders of a class belong to it.

    Parameters
    ----------
    root : folder with a subfolder for each class
    problems : receives what must be corrected
    left_out : receives hidden files and files that are not images by name

    Raises
    ------
    L2HError
        the classes seem to be one level deeper, such as below `train` and `val`
    """
    tree = walk(root)
    images = []
    for file in tree.files:
        if not _is_named_as_image(file):
            left_out.add("left out, not images by name", _printable(file))
        elif _is_hidden(file):
            left_out.add("left out, hidden images", _printable(file))
        elif UNFIT.search(file):
            problems.add(UNFIT_PATHS, _printable(file))
        elif "/" not in file:
            problems.add("images outside the class folders", file)
        else:
            images.append(file)
    for link in tree.links:
        if _is_hidden(link):
            left_out.add("left out, hidden links to folders", _printable(link))
        else:
            problems.add("links to folders (not followed; replace them by the folders)", _printable(link))
    for folder in tree.closed:
        if _is_hidden(folder):
            left_out.add("left out, hidden folders that cannot be read", _printable(folder))
        else:
            problems.add("folders that cannot be read", _printable(folder))
    _require_right_level(root, images)
    names = sorted({_top(file) for file in images})
    named = {*names, *map(_top, tree.closed), *map(_top, tree.links)}
    empty = [one for one in tree.folders if "/" not in one and one not in named and not _is_hidden(one)]
    note_alike(names, problems)
    labels = {name: label for label, name in enumerate(names)}
    return Classes([(file, labels[_top(file)]) for file in images], names, [*map(_printable, empty)])


def is_image(file: str) -> bool:
    """Whether a path below the root is an image, by its name and its folders' names."""
    return _is_named_as_image(file) and not _is_hidden(file)


def list_files(root: Path) -> list[str]:
    """Paths of all files below a folder, relative to it and sorted; links to folders are not followed."""
    return walk(root).files


def walk(root: Path) -> Tree:
    """List the content of a folder."""
    files: list[str] = []
    folders: list[str] = []
    links: list[str] = []
    closed: list[str] = []

    def note_closed(error: OSError) -> None:
        closed.append(os.path.relpath(error.filename, root))

    for folder, subfolders, names in os.walk(root, onerror=note_closed):
        inside = "" if folder == str(root) else os.path.relpath(folder, root)
        files += [os.path.join(inside, name) for name in names]
        for name in subfolders:
            (links if os.path.islink(os.path.join(folder, name)) else folders).append(os.path.join(inside, name))
    return Tree(sorted(files), sorted(folders), sorted(links), sorted(closed))


def _require_right_level(root: Path, images: Sequence[str]) -> None:
    """Raise L2HError if no class folder holds images itself, and two or more subfolder names recur in them.

    A single recurring subfolder, such as `images` in each class, is not a set of classes.
    """
    above = defaultdict(set)
    for file in images:
        name, subfolder, *deeper = file.split("/")
        if not deeper:
            return
        above[subfolder].add(name)
    recurring = sorted(subfolder for subfolder, names in above.items() if len(names) > 1)
    if not recurring or len(above) < 2:
        return
    names = sorted(set.union(*above.values()))
    raise L2HError(
        f"{root}: its subfolders {_some(names)} hold no images directly, but subfolders of the same names "
        f"({_some(recurring)}), which seem to be the classes: set root to one of "
        f"{_some([os.path.join(root, name) for name in names])}; if {_some(names)} are the classes, name the images in "
        "a list"
    )


def _top(path: str) -> str:
    return path.partition("/")[0]


def _is_named_as_image(file: str) -> bool:
    return os.path.splitext(file)[1].lower() in SUFFIXES


def _is_hidden(path: str) -> bool:
    return path.startswith(".") or "/." in path


def _printable(file: str) -> str:
    return UNFIT.sub("?", file)


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else "")
