"""Whether the files that a data set is made of changed since: by size and time first, then by content.

A run asks whenever it is planned, so that no file is read whose size and modification time are as they were.
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
UNKNOWN = bytes(32)  # in place of a sha256, which is that of no file


def stat(path: str) -> tuple[int, int]:
    """A file's size in bytes and modification time in nanoseconds; MISSING if there is none."""
    try:
        found = os.stat(path)
    except OSError:
        return MISSING
    return found.st_size, found.st_mtime_ns


def snapshot(paths: Iterable[str | Path]) -> dict[str, tuple[int, int]]:
    """What `stat` gives for each file, and for each file below a folder."""
    files: list[str] = []
    for path in map(str, paths):
        files += [os.path.join(path, file) for file in list_files(Path(path))] if os.path.isdir(path) else [path]
    return {file: stat(file) for file in files}


def state(record: str | Path, paths: Iterable[str | Path]) -> str:
    """A name for the content of a data set's files; another one if a file changed, was added or is missing.

    Parameters
    ----------
    record : what `remember` wrote when the data set was made; not there before. Files that were only touched are read,
        and their new times noted in it, so that they are read once
    paths : files and folders that the data set is made of; the record may name more
    """
    now = snapshot(paths)
    try:
        name, known = read_followed(record)
    except L2HError:  # the data set was not made yet, or the record is damaged
        name, known = "", {}
    now |= {path: stat(path) for path in known.keys() - now.keys()}
    if now.keys() != known.keys() or not all(_is_same(path, now[path], seen) for path, seen in known.items()):
        lines = b"".join(os.fsencode(f"{path}\0{now[path]}\n") for path in sorted(now))
        return hashlib.sha256(lines).hexdigest()[:16]
    if any(now[path] != seen[:2] for path, seen in known.items()):
        with suppress(L2HError):  # where nothing can be written, they are read again the next time
            write_followed(record, name, {path: (*now[path], seen[2]) for path, seen in known.items()})
    return name


def remember(
    record: str | Path, name: str, before: Mapping[str, tuple[int, int]], seen: Mapping[str, tuple[int, int, bytes]]
) -> None:
    """Write the record of a data set that was just made.

    Parameters
    ----------
    name : what `state` gave when it was to be made
    before : its files, as `snapshot` found them before
    seen : files whose content is known, from when they were read
    """
    hashed = {path: (*found, _sha256(path, found)) for path, found in before.items() if path not in seen}
    write_followed(record, name, {**hashed, **seen})


def _is_same(path: str, now: tuple[int, int], seen: tuple[int, int, bytes]) -> bool:
    size, mtime_ns, sha256 = seen
    return now == (size, mtime_ns) or (now[0] == size and _sha256(path, now) == sha256)


def _sha256(path: str, found: tuple[int, int]) -> bytes:
    """Of a file's content; UNKNOWN where it is another file by now, or cannot be read."""
    try:
        with open(path, "rb") as file:
            digest = hashlib.file_digest(file, "sha256").digest()
    except OSError:
        return UNKNOWN
    return digest if stat(path) == found else UNKNOWN
