"""Read the lines of one list: after each path a class or HashNet's 0 and 1, or CSV with a header."""

import csv
import gzip
import io
import ntpath
import re
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path, PurePosixPath

from l2h.datasets.folders import UNFIT, UNFIT_PATHS
from l2h.datasets.problems import Problems
from l2h.datasets.unicode_names import Files
from l2h.errors import L2HError
from l2h.store.manifests import MAX_LABEL

ZERO_ONE = frozenset("01")
NUMBER = re.compile(r"[-+]?\d+(?:\.\d*)?")
INDEX = re.compile(r"[0-9]{1,10}")
MAX_BYTES = 1 << 28  # of a list's text: NUS-WIDE's has 40 MB
MAX_LINE = 1 << 20  # characters, so half as many labels
SHOWN_LETTERS = 60  # maximum characters of a line in a message

# names of the formats in messages
CLASS, LABELS, CSV = "a class in each line", "0 or 1 for each label", "CSV"
PATH_COLUMNS = ("path", "file", "filename", "file_name", "filepath", "file_path", "image", "image_path")
LABEL_COLUMNS = ("label", "labels", "class", "classes", "class_name", "category")
BETWEEN_LABELS = "|"
UNFIT_LINES = (
    "lines in an unknown format (known: `a.png 3`, one class, in every line; `a.png 0 1 0`, 0 or 1 for each label, "
    "in every line; or CSV that begins with `path,label`)"
)


@dataclass(slots=True)
class Row:
    """One line of a list.

    Attributes
    ----------
    number : of the line
    path : of the image, relative to the root, as spelled on disk
    labels : from 0; for CSV, empty until its names are numbered
    words : the names of the labels, in CSV
    width : how many numbers follow the path
    """

    number: int
    path: str
    labels: list[int]
    words: Sequence[str] = ()
    width: int = 0


@dataclass
class Listing:
    """A list's format and its rows, one per image; the format is None if no line can be read."""

    format: str | None
    rows: list[Row]


def read_list(role: str, path: Path, files: Files, problems: Problems) -> Listing:
    """Read a list, and detect its format.

    Parameters
    ----------
    role : names the list in messages
    path : text, plain or gzipped
    files : finds the images
    problems : receives the lines that cannot be used, which are left out

    Raises
    ------
    L2HError
        the list cannot be read
    """
    first, lines = _peek(_lines(role, path, problems))
    header = _cells(first or "")
    columns = _columns(header or [])
    if columns:
        next(lines)
        first, lines = _peek(lines)
    if first is None:
        problems.add("empty lists", role)
    if header and columns:
        return Listing(CSV, _csv_rows(role, lines, len(header), columns, files, problems))
    return _numbers(role, lines, files, problems)


def _numbers(role: str, lines: Iterable[tuple[int, str]], files: Files, problems: Problems) -> Listing:
    """Read lines of a path and numbers: a class if most lines have one number, else 0 or 1 for each label."""
    fit = _Fit(role, files, problems)
    rows = []
    for number, line in lines:
        listed, values = _parted(line)
        if not values or listed.endswith(","):
            problems.add(UNFIT_LINES, f"{role} line {number} `{_shown(line)}`")
            continue
        path = fit.path(number, listed)
        if path is not None:
            labels = [label for label, value in enumerate(values) if value == "1"]
            # the text of valid lines is not kept, because there can be millions
            words = values if len(values) == 1 or not ZERO_ONE.issuperset(values) else ()
            rows.append(Row(number, path, labels, words, len(values)))
    if not rows:
        return Listing(None, [])
    ((usual, _),) = Counter(row.width for row in rows).most_common(1)
    sound = []
    for row in rows:
        fault = _fault_of_class(row) if usual == 1 else _fault_of_labels(row)
        if fault:
            problems.add(fault, f"{role} line {row.number} {row.path}")
            continue
        if usual == 1:
            row.labels = [int(row.words[0])]
        sound.append(row)
    return Listing(CLASS if usual == 1 else LABELS, sound)


def _csv_rows(
    role: str,
    lines: Iterable[tuple[int, str]],
    width: int,
    columns: tuple[int, int],
    files: Files,
    problems: Problems,
) -> list[Row]:
    """Read lines below a header; a path cannot contain a line break, even in quotes."""
    fit = _Fit(role, files, problems)
    rows = []
    for number, line in lines:
        cells = _cells(line)
        if cells is None or len(cells) != width:
            problems.add(f"CSV lines of other than {width} columns", f"{role} line {number} `{_shown(line)}`")
            continue
        listed, label = (cells[column] for column in columns)
        if not listed:
            problems.add("CSV lines without a path", f"{role} line {number}")
        elif UNFIT.search(label):
            problems.add("labels with control characters", f"{role} line {number}")
        elif (path := fit.path(number, str(PurePosixPath(listed)))) is not None:
            names = (name.strip() for name in label.split(BETWEEN_LABELS))
            rows.append(Row(number, path, [], [name for name in dict.fromkeys(names) if name]))
    return rows


class _Fit:
    """Checks the paths of one list."""

    def __init__(self, role: str, files: Files, problems: Problems):
        self._role, self._files, self._problems = role, files, problems
        self._seen: set[str] = set()

    def path(self, number: int, listed: str) -> str | None:
        """Return a path as spelled on disk; None, with the problem noted, if it cannot be used."""
        fault = _fault_of_path(listed)
        path = listed if fault else self._files.find(listed)
        if path in self._seen:
            fault = fault or "paths listed twice in one list"
        if fault:
            self._problems.add(fault, f"{self._role} line {number} {UNFIT.sub('?', listed)}")
            return None
        self._seen.add(path)
        return path


def _columns(header: list[str]) -> tuple[int, int] | None:
    """Columns of the paths and the labels in a header; None if it is not a header, or names one of them twice."""
    names = [name.lower() for name in header]
    paths, labels = (
        [place for place, name in enumerate(names) if name in known] for known in (PATH_COLUMNS, LABEL_COLUMNS)
    )
    return (paths[0], labels[0]) if len(paths) == len(labels) == 1 else None


def _cells(line: str) -> list[str] | None:
    """The cells of a CSV line, stripped; None if the line is not CSV."""
    try:
        return [cell.strip() for cell in next(csv.reader([line], strict=True))]
    except (csv.Error, StopIteration):
        return None


def _lines(role: str, path: Path, problems: Problems) -> Iterator[tuple[int, str]]:
    """Yield number and text of each line that is neither blank nor too long."""
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise L2HError(f"the list {path} has more than {MAX_BYTES >> 20} MiB of text, the limit; split the dataset")
        for number, line in enumerate(io.TextIOWrapper(io.BytesIO(content), "utf-8-sig", newline="\n"), start=1):
            if len(line) > MAX_LINE:
                problems.add(f"lines of more than {MAX_LINE:,} characters", f"{role} line {number}")
            elif line.strip():
                yield number, line.rstrip("\r\n")
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise L2HError(f"the list {path} cannot be read ({error}); it must be text, plain or gzipped") from error


def _peek(lines: Iterator[tuple[int, str]]) -> tuple[str | None, Iterator[tuple[int, str]]]:
    """The first line, None if there is none, and all lines."""
    first = next(lines, None)
    return (None, lines) if first is None else (first[1], chain([first], lines))


def _parted(line: str) -> tuple[str, list[str]]:
    """A line's path, which may contain spaces, and the numbers that follow it."""
    words = line.split()
    first = len(words)
    while first > 1 and (words[first - 1] in ZERO_ONE or NUMBER.fullmatch(words[first - 1])):
        first -= 1
    values = words[first:]
    return str(PurePosixPath(line.strip().rsplit(None, len(values))[0])), values


def _shown(line: str) -> str:
    text = UNFIT.sub("?", line.strip())
    return text if len(text) <= SHOWN_LETTERS else f"{text[:SHOWN_LETTERS]}..."


def _fault_of_class(row: Row) -> str | None:
    if row.width > 1:
        return "lines of several numbers among lines of one class"
    (word,) = row.words
    if not INDEX.fullmatch(word) or int(word) > MAX_LABEL:
        return f"classes that are not an integer from 0 to {MAX_LABEL}"
    return None


def _fault_of_labels(row: Row) -> str | None:
    return "labels other than 0 and 1" if row.words and row.width > 1 else None


def _fault_of_path(path: str) -> str | None:
    if UNFIT.search(path):
        return UNFIT_PATHS
    if path.startswith("/") or ntpath.splitdrive(path)[0]:
        return "absolute paths"
    return "paths with .." if ".." in path.split("/") else None
