"""Write files and folders atomically."""

import errno
import hashlib
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from l2h.errors import L2HError, line

FULL, LOCKED = {errno.ENOSPC, errno.EDQUOT}, {errno.EACCES, errno.EPERM, errno.EROFS}
NO_FOLDER = {errno.EEXIST, errno.ENOTDIR}
FULL_WORDS, LOCKED_WORDS = (
    re.compile("|".join(os.strerror(number) for number in numbers)) for numbers in (FULL, LOCKED)
)
FULL_BELOW = 2**20  # bytes


@contextmanager
def atomic(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path to write to; on success it replaces `path`, a file or folder.

    Raises
    ------
    L2HError
        the disk is full, the folder is not writable, or a file has the folder's name
    """
    path = Path(path)
    part = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove(part)
        yield part
        if part.is_dir():
            _remove(path)
        part.replace(path)
    except BaseException as error:
        reason = _why_not_written(error, part)
        with suppress(OSError):  # the folder is not writable, which the current error already says
            _remove(part)
        if reason:
            raise L2HError(f"{path} cannot be written: {reason}, and run the same command again") from error
        raise


def _why_not_written(error: BaseException, part: Path) -> str | None:
    """What is wrong with the disk, and how to fix it; None if the cause is something else."""
    if isinstance(error, L2HError) or not isinstance(error, Exception):
        return None
    # libraries pass the system's error on as text, or hide it: numpy says "2048 requested and 512 written"
    number, words = getattr(error, "errno", None), str(error)
    home = next(place for place in part.parents if place.is_dir())
    concerned = getattr(error, "filename", None)
    if concerned is not None and home not in Path(concerned).parents:
        return None  # the error is about a file that was read
    free = shutil.disk_usage(home).free
    if number in FULL or FULL_WORDS.search(words) or (isinstance(error, OSError) and not number and free < FULL_BELOW):
        return f"the disk of {home} is full ({free >> 20} MiB free); free some space"
    blocking = next((place for place in part.parents if place.exists() and not place.is_dir()), None)
    if number in NO_FOLDER and blocking:
        return f"{blocking} is a file, not a folder; move it away"
    if number in LOCKED or LOCKED_WORDS.search(words):
        return f"{home} is not writable ({line(error)}); make it writable"
    return None


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def write_checksum(path: str | Path, checksum_path: str | Path) -> None:
    """Write a file's sha256 to another file, in the format of `sha256sum`."""
    with Path(path).open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    with atomic(checksum_path) as part:
        part.write_text(f"{digest}  {Path(path).name}\n", encoding="utf-8")
