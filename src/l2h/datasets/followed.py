"""Detect changes in the source files of a dataset: first by size and time, then by content.

This runs whenever a run is planned, so files whose size and modification time have not changed are not read.
"""

import hashlib
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from l2h.datasets.folders import list_files
from l2h.errors import L2HError
from l2h.store.manifests import read_followed, write_followed

MISSING = (-1, 0)
UNKNOWN = bytes(32)  # stands for an unknown sha256


def stat(path: str) -> tuple[int, int]:
    """A file's size in bytes and modification time in nanoseconds; MISSING if there is none."""
    try:
        found = os.stat(path)
    except OSError:
        return MISSING
    return found.st_size, found.st_mtime_ns


def snapshot(paths: Iterable[str | Path]) -> dict[str, tuple[int, int]]:
    """The result of `stat` for each file, and for each file below a folder."""
    files: list[str] = []
    for path in map(str, paths):
        files += [os.path.join(path, file) for file in list_files(Path(path))] if os.path.isdir(path) else [path]
    return {file: stat(file) for file in files}


def state(record: str | Path, paths: Iterable[str | Path]) -> str:
    """An id of the content of a dataset's files, which changes if a file is changed, added or removed.

    Parameters
    ----------
    record : file that `remember` wrote when the dataset was prepared, if it was. Files that were only touched are read
        once: their new times are added to the record
    paths : source files and folders of the dataset; the record may name more
    """
    now = snapshot(paths)
    try:
        name, known = read_followed(record)
    except L2HError:  # the dataset was not prepared yet, or the record is damaged
        name, known = "", {}
    now |= {path: stat(path) for path in known.keys() - now.keys()}
    if now.keys() != known.keys() or not all(_is_same(path, now[path], seen) for path, seen in known.items()):
        lines = b"".join(os.fsencode(f"{path}\0{now[path]}\n") for path in sorted(now))
        return hashlib.sha256(lines).hexdigest()[:16]
    if any(now[path] != seen[:2] for path, seen in known.items()):
        with suppress(L2HError):  # if the record cannot be written, the files are read again next time
            write_followed(record, name, {path: (*now[path], seen[2]) for path, seen in known.items()})
    return name


def remember(
    record: str | Path, name: str, before: Mapping[str, tuple[int, int]], seen: Mapping[str, tuple[int, int, bytes]]
) -> None:
    """Write the record of a dataset that was just prepared.

    Parameters
    ----------
    name : result of `state` before the preparation
    before : result of `snapshot` before the preparation
    seen : state and sha256 of files when they were read
    """
    hashed = {path: (*found, _sha256(path, found)) for path, found in before.items() if path not in seen}
    write_followed(record, name, {**hashed, **seen})


def _is_same(path: str, now: tuple[int, int], seen: tuple[int, int, bytes]) -> bool:
    size, mtime_ns, sha256 = seen
    return now == (size, mtime_ns) or (now[0] == size and _sha256(path, now) == sha256)


def _sha256(path: str, found: tuple[int, int]) -> bytes:
    """The sha256 of a file's content; UNKNOWN if the file has changed since, or cannot be read."""
    try:
        with open(path, "rb") as file:
            digest = hashlib.file_digest(file, "sha256").digest()
    except OSError:
        return UNKNOWN
    return digest if stat(path) == found else UNKNOWN
