"""Collect the images in lists, with their labels and roles."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from l2h.datasets.list_formats import CSV, LABELS, Listing, Row, read_list
from l2h.datasets.problems import Problems
from l2h.datasets.unicode_names import Files, note_alike
from l2h.errors import L2HError
from l2h.store.manifests import MAX_LABEL


@dataclass
class LabelledImage:
    """An image to read: its path below the root, its labels from 0, and its roles."""

    path: str
    labels: list[int]
    roles: list[str] = field(default_factory=list)


def read_lists(lists: Mapping[str, Path], root: Path, problems: Problems) -> tuple[list[LabelledImage], list[str]]:
    """The images in lists, in the order of their first mention, and the names of their labels.

    Parameters
    ----------
    lists : by role ("query", "train" and "database"), or only one under "images", without roles
    root : the folder that paths are relative to; file names match in either Unicode normalisation
    problems : receives the invalid lines

    Returns
    -------
    images, and the names of labels 0, 1, ...; no names if the lists contain numbers

    Raises
    ------
    L2HError
        a list cannot be read, or two lists have different formats
    """
    files = Files(root)
    listings = {role: read_list(role, path, files, problems) for role, path in lists.items()}
    used = _the_format(lists, listings)
    rows = [row for listing in listings.values() for row in listing.rows]
    classes = _number(rows, problems) if used == CSV else []
    if used == LABELS:
        _require_one_width(listings, problems)
    elif rows:
        _require_two_classes(rows, problems)
    images: dict[str, LabelledImage] = {}
    for role, listing in listings.items():
        for row in listing.rows:
            image = images.setdefault(row.path, LabelledImage(row.path, row.labels))
            if image.labels != row.labels:
                problems.add("other labels than in another list", f"{role} line {row.number} {row.path}")
            if "query" in image.roles:
                problems.add("queries that are also in train or database", f"{role} line {row.number} {row.path}")
            image.roles += [role] if role != "images" else []
    return list(images.values()), classes


def _the_format(lists: Mapping[str, Path], listings: Mapping[str, Listing]) -> str | None:
    """The common format of all lists; None if no list has a line."""
    found = {role: listing.format for role, listing in listings.items() if listing.format}
    first = next(iter(found), "")
    for role, other in found.items():
        if other != found[first]:
            raise L2HError(
                f"the lists {lists[first]} ({found[first]}) and {lists[role]} ({other}) have different formats; write "
                "all lists of a dataset in one format"
            )
    return found.get(first)


def _number(rows: Iterable[Row], problems: Problems) -> list[str]:
    """Number the labels of CSV rows: numbers are kept if all are numbers; else names are sorted, and returned."""
    names = sorted({name for row in rows for name in row.words})
    if all(name.isascii() and name.isdecimal() and str(int(name[:10])) == name for name in names):
        numbers = {name: int(name) for name in names}
        if max(numbers.values(), default=0) > MAX_LABEL:
            problems.add(f"labels above {MAX_LABEL}", str(max(numbers.values())))
        classes = []
    else:
        note_alike(names, problems)
        numbers = {name: label for label, name in enumerate(names)}
        classes = names
    for row in rows:
        row.labels = sorted(numbers[name] for name in row.words)
    return classes


def _require_two_classes(rows: Iterable[Row], problems: Problems) -> None:
    """Add a problem if all images have the same class, because then every item is relevant to every query."""
    labels = {label for row in rows for label in row.labels}
    if len(labels) < 2:
        problems.add("lists of fewer than 2 classes", str(len(labels)))


def _require_one_width(listings: Mapping[str, Listing], problems: Problems) -> None:
    """Add the lines whose number of labels differs from most lines."""
    widths = Counter(row.width for listing in listings.values() for row in listing.rows)
    usual = max(widths, key=lambda width: widths[width], default=0)
    for role, listing in listings.items():
        for row in listing.rows:
            if row.width != usual:
                problems.add(f"lines of other than {usual} labels", f"{role} line {row.number} has {row.width}")
