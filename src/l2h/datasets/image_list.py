"""Image files in a folder, with lists of their labels or with a subfolder for each class."""

import hashlib
import logging
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from l2h.datasets import decoding
from l2h.datasets.base import Dataset
from l2h.datasets.folders import find_classes, is_image, list_files
from l2h.datasets.followed import stat
from l2h.datasets.grey_thumbnails import thumbnail
from l2h.datasets.images import DECODERS, ROOT
from l2h.datasets.lists import LabelledImage, read_lists
from l2h.datasets.problems import Problems
from l2h.errors import L2HError
from l2h.notes import SHOWN, Note
from l2h.progress import track
from l2h.splits import ROLES, Protocol
from l2h.store.files import atomic
from l2h.store.manifests import write_manifest
from l2h.store.thumbnails import Thumbnails

if TYPE_CHECKING:
    from l2h.datasets.downloads import Sources

AT_A_TIME = 1000  # maximum number of images queued for decoding
EMPTY = "left out, class folders without an image"
CURE = "correct these files and lines, or remove them"

_log = logging.getLogger("l2h")


class _File(NamedTuple):
    """Result of checking an image file: conversions, thumbnail and digest; if it cannot be used, only the fault."""

    sha256: bytes = bytes(32)
    converted: tuple[str, ...] = ()
    thumbnail: Thumbnails | None = None
    fault: str | None = None


class ImageList(Dataset):
    """Images below one folder, which are read in place.

    Parameters
    ----------
    root : the folder; paths in lists are relative to it
    query, train, database : lists of the images in each role, plain or gzipped, all in one format: on each line a path
        and its class as one number, or a path and 0 or 1 for each of several labels (HashNet's); or CSV with the
        columns path and label. Images of train may also be in database
    images : one list of all images, instead of these three; without any list, the root's subfolders are the classes
    drop_unlabelled_queries : leave out queries without a label, with a warning, instead of refusing them
    """

    protocols = {"folder-10-40": Protocol(query=0.1, train=0.4)}
    any_protocol = True

    def __init__(
        self,
        sources: "Sources",
        *,
        root: str,
        query: str | None = None,
        train: str | None = None,
        database: str | None = None,
        images: str | None = None,
        drop_unlabelled_queries: bool = False,
    ):
        super().__init__(sources)
        given = {"query": query, "train": train, "database": database, "images": images}
        for name, value in {"root": root, **given}.items():
            if not isinstance(value, str) and (value is not None or name == "root"):
                raise L2HError(f"{name} must be a path, got {value!r}")
        if not isinstance(drop_unlabelled_queries, bool):
            raise L2HError(f"drop_unlabelled_queries must be true or false, got {drop_unlabelled_queries!r}")
        self.root = Path(root)
        self.lists = {role: Path(path) for role, path in given.items() if path is not None}
        self.drop_unlabelled_queries = drop_unlabelled_queries
        self.left_out, self.empty = Problems(), list[str]()  # files that were found but not read
        if tuple(self.lists) not in (ROLES, ("images",), ()):
            raise L2HError(f"give the lists query, train and database, or only images, or no list; got {[*self.lists]}")
        if "query" in self.lists:
            self.protocols, self.any_protocol = {"lists": None}, False

    def missing(self) -> str | None:
        """Say that the folder or a list is missing."""
        if not self.root.is_dir():
            return f"{self.root} is not a folder; put the images there, or correct root"
        absent = [str(path) for path in self.lists.values() if not path.is_file()]
        return f"no list at {', '.join(absent)}; put it there, or correct its path" if absent else None

    def made_of(self) -> Iterable[str | Path]:
        """The lists, or without lists the images below the folder; images in lists are unknown before reading."""
        return self.lists.values() or [self._path(file) for file in list_files(self.root) if is_image(file)]

    def known_labels(self) -> list[list[int]]:
        """The labels of each image from folders or lists; warns of class folders without an image.

        Raises
        ------
        L2HError
            a name or a line is invalid; `prepare` would refuse it too
        """
        problems = Problems()
        found = self._find(problems)
        problems.require_none(str(self.root), CURE)
        self._report(f"{self.root}: {EMPTY}", self.empty)
        return [one.labels for one in found]

    def prepare(self, store: Path, manifest_path: Path) -> None:
        """Check every list and image, and write the manifest beside a link to the folder.

        Raises
        ------
        L2HError
            a file or line is invalid; the message lists each kind of fault with its count and the first places
        """
        problems, self.notes = Problems(), []
        found = self._without_unlabelled_queries(self._find(problems), problems)
        self._log_classes()
        hashes = self._check(found, problems)
        problems.require_none(str(self.root), CURE)
        with atomic(store) as part:
            part.mkdir()
            (part / ROOT).symlink_to(self.root.resolve())
        labels, roles = [one.labels for one in found], [one.roles for one in found]
        locations = [f"{ROOT}/{one.path}" for one in found]
        write_manifest(manifest_path, hashes, labels, locations, roles, self.classes, self.notes)

    def _path(self, file: str) -> str:
        return os.path.join(self.root, file)

    def _find(self, problems: Problems) -> list[LabelledImage]:
        if self.lists:
            found, self.classes = read_lists(self.lists, self.root, problems)
            return found
        classes = find_classes(self.root, problems, self.left_out)
        self.classes, self.empty = classes.names, classes.empty
        if len(classes.names) < 2:
            problems.require_none(str(self.root), CURE)
            deeper = "".join(f" ({name}); if they are there, set root to {self._path(name)}" for name in self.classes)
            raise L2HError(
                f"{self.root} needs a subfolder with images for each of two or more classes; it has {len(self.classes)}"
                f"{deeper}"
            )
        return [LabelledImage(path, [label]) for path, label in classes.images]

    def _log_classes(self) -> None:
        if self.classes:
            _log.info("classes: %s", ", ".join(f"{label} {name}" for label, name in enumerate(self.classes)))
        for note in self.left_out.notes():
            self._tell(note)
        self._report(EMPTY, self.empty)

    def _without_unlabelled_queries(self, found: list[LabelledImage], problems: Problems) -> list[LabelledImage]:
        """Handle images without a label: queries among them are a problem or are dropped, others are kept."""
        unlabelled = [one for one in found if not one.labels]
        queries = [one.path for one in unlabelled if "query" in one.roles]
        others = [one.path for one in unlabelled if "query" not in one.roles]
        self._report("kept in the database without a label", others)
        if self.drop_unlabelled_queries:
            self._report("dropped, queries without a label", queries)
            return [one for one in found if one.labels or "query" not in one.roles]
        for path in queries:
            problems.add("queries without a label (drop_unlabelled_queries: true leaves them out)", path)
        return found

    def _report(self, what: str, paths: list[str]) -> None:
        """Log and keep a warning, if there is something to report."""
        if paths:
            self._tell(Note(what, len(paths), paths[:SHOWN], len(paths) > SHOWN))

    def _tell(self, note: Note) -> None:
        _log.warning("%s", note)
        self.notes = [*self.notes, note]

    def _check(self, found: list[LabelledImage], problems: Problems) -> list[bytes]:
        """The sha256 of each file; undefined if the file cannot be used, which is added to the problems."""
        root = self.root.resolve()

        def inspected() -> Iterator[_File]:
            with ThreadPoolExecutor(DECODERS) as pool:
                for start in range(0, len(found), AT_A_TIME):
                    some = found[start : start + AT_A_TIME]
                    yield from pool.map(lambda one: _inspect(root / one.path, root), some)

        paths = [self._path(one.path) for one in found]
        before = {path: stat(path) for path in paths}
        files = list(track(f"checking {self.root}", inspected(), len(found), "images"))
        converted = Problems()
        for image, file in zip(found, files, strict=True):
            for word in file.converted:
                converted.add(f"converted ({word})", image.path)
            if file.fault:
                problems.add(file.fault, image.path)
        for note in converted.notes():
            _log.info("%s", note)
        self.notes = [*self.notes, *converted.notes()]
        hashes = [file.sha256 for file in files]
        self.seen = {path: (*before[path], sha256) for path, sha256 in zip(paths, hashes, strict=True)}
        self.thumbnails = [file.thumbnail for file in files if file.thumbnail is not None]
        return hashes


def _inspect(path: Path, root: Path) -> _File:
    """Decode a file once."""
    try:
        if not Path(os.path.realpath(path)).is_relative_to(root):
            raise decoding.ImageError("links that lead out of the folder")
        content = decoding.read(path)
        pixels, converted = decoding.decode(content)
        return _File(hashlib.sha256(content).digest(), converted, thumbnail(pixels))
    except decoding.ImageError as error:
        return _File(fault=str(error))
