"""What pictures a data set has: lists of `<path> 0 1 0 ...`, as HashNet's, or folders that are classes."""

import gzip
import os
import re
import zlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath, PureWindowsPath

from l2h.datasets.pictures import SUFFIXES
from l2h.datasets.problems import Problems
from l2h.errors import L2HError

WORD = re.compile(r"\S+")
NUMBER = re.compile(r"[-+]?\d+(?:\.\d*)?")
MAX_BYTES = 1 << 28  # of a list's text: NUS-WIDE's has 40 MB
MAX_LINE = 1 << 20  # letters; half as many labels
UNFIT = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")  # control characters, and bytes that are no UTF-8
UNFIT_PATHS = "paths with control characters, or not in UTF-8"


@dataclass
class Picture:
    """A picture to read: its path below the root, its labels from 0, and the roles that lists give it."""

    path: str
    labels: list[int]
    roles: list[str] = field(default_factory=list)


def read_lists(lists: Mapping[str, Path], problems: Problems) -> list[Picture]:
    """The pictures that lists name, in the order of their first mention.

    Parameters
    ----------
    lists : by role, which are "query", "train" and "database"; or one alone under "images", which gives no role
    problems : gets what is wrong with a line

    Raises
    ------
    L2HError
        a list cannot be read
    """
    pictures: dict[str, Picture] = {}
    widths: dict[str, int] = {}
    for role, path in lists.items():
        seen: set[str] = set()
        lines = 0
        for number, line in enumerate(_lines(path), start=1):
            if not line.strip():
                continue
            lines += 1
            place = f"{role} line {number}"
            if len(line) > MAX_LINE:
                problems.add(f"lines of more than {MAX_LINE:,} letters", place)
                continue
            name, values = _parted(line)
            if not values:
                problems.add("lines without labels at their end", place)
                continue
            widths[place] = len(values)
            fault = _fault(name, values) or ("paths that stand twice in one list" if name in seen else None)
            if fault:
                problems.add(fault, f"{place} {UNFIT.sub('?', name)}")
                continue
            seen.add(name)
            labels = [label for label, value in enumerate(values) if value == "1"]
            picture = pictures.setdefault(name, Picture(name, labels))
            if picture.labels != labels:
                problems.add("other labels than in another list", f"{place} {name}")
            if "query" in picture.roles:
                problems.add("queries that are trained on or searched as well", f"{place} {name}")
            picture.roles += [role] if role != "images" else []
        if not lines:
            problems.add("empty lists", role)
    _require_one_width(widths, problems)
    return list(pictures.values())


def find_classes(root: Path, problems: Problems) -> tuple[list[Picture], list[str], list[str]]:
    """The pictures below a folder whose subfolders are the classes.

    Returns
    -------
    pictures sorted by path, the classes' names, of which labels are the numbers, and paths of files that are left out
    because their suffix is no picture's
    """
    pictures, others = [], []
    names = sorted(path.name for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))
    labels = {name: label for label, name in enumerate(names)}
    for file in list_files(root):
        parts = PurePosixPath(file).parts
        if not is_image(file):
            others.append(UNFIT.sub("?", file))
        elif UNFIT.search(file):
            problems.add(UNFIT_PATHS, UNFIT.sub("?", file))
        elif len(parts) == 1:
            problems.add("pictures outside the classes' folders", file)
        else:
            pictures.append(Picture(file, [labels[parts[0]]]))
    filled = {picture.labels[0] for picture in pictures}
    for label, name in enumerate(names):
        if label not in filled:
            problems.add("classes' folders without a picture", name)
    return pictures, names, others


def is_image(file: str) -> bool:
    """Whether a path below the root is an image, by its names."""
    path = PurePosixPath(file)
    return path.suffix.lower() in SUFFIXES and not any(part.startswith(".") for part in path.parts)


def list_files(root: Path) -> list[str]:
    """Paths of all files below a folder, relative to it and sorted; links to folders are not followed."""
    walk = ((Path(folder).relative_to(root), files) for folder, _, files in os.walk(root))
    return sorted(str(folder / file) for folder, files in walk for file in files)


def _lines(path: Path) -> list[str]:
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        text = content.decode("utf-8-sig")
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise L2HError(f"the list {path} cannot be read ({error}); it must be text, plain or gzipped") from error
    if len(content) > MAX_BYTES:
        raise L2HError(
            f"the list {path} has more than the {MAX_BYTES >> 20} MiB of text that are read; split the data set"
        )
    return text.split("\n")


def _parted(line: str) -> tuple[str, list[str]]:
    """A line's path, which may hold blanks, and the numbers that follow it."""
    words = list(WORD.finditer(line))
    first = len(words)
    while first > 1 and NUMBER.fullmatch(words[first - 1][0]):
        first -= 1
    return str(PurePosixPath(line[words[0].start() : words[first - 1].end()])), [word[0] for word in words[first:]]


def _fault(name: str, values: list[str]) -> str | None:
    """What is wrong with a path or its labels."""
    if not {"0", "1"}.issuperset(values):
        return "labels other than 0 and 1"
    if UNFIT.search(name):
        return UNFIT_PATHS
    if name.startswith("/") or PureWindowsPath(name).drive:
        return "absolute paths"
    return "paths with .." if ".." in PurePosixPath(name).parts else None


def _require_one_width(widths: dict[str, int], problems: Problems) -> None:
    """Note the lines that have other numbers of labels than most."""
    if not widths:
        return
    ((usual, _),) = Counter(widths.values()).most_common(1)
    for place, width in widths.items():
        if width != usual:
            problems.add(f"lines of other than {usual} labels", f"{place} has {width}")
    if usual < 2:
        problems.add("lists of fewer than 2 labels", str(usual))
