"""A checksum for a parquet file's footer: the format has checksums for pages, but none for the footer.

The seal is stored between the last page and the footer, which parquet readers skip.
"""

import hashlib
from pathlib import Path
from typing import BinaryIO

MARK = b"sha256 of the footer:"
SEAL = len(MARK) + 32
END = 8  # the footer's length and the format's magic bytes, which are sealed too


def seal(path: str | Path) -> None:
    """Add the seal to a file that was just written."""
    with open(path, "r+b") as file:
        start, footer = _footer(file)
        file.seek(start)
        file.write(MARK + hashlib.sha256(footer).digest() + footer)


def is_whole(path: str | Path) -> bool:
    """Whether the footer matches its seal; files without a seal, from other programs, pass."""
    with open(path, "rb") as file:
        start, footer = _footer(file)
        file.seek(max(start - SEAL, 0))
        found = file.read(SEAL)
    return not found.startswith(MARK) or found == MARK + hashlib.sha256(footer).digest()


def _footer(file: BinaryIO) -> tuple[int, bytes]:
    """Start of the footer according to its (unchecked) length, and the bytes from there on."""
    size = file.seek(0, 2)
    file.seek(max(size - END, 0))
    start = max(size - END - int.from_bytes(file.read(4), "little"), 0)
    file.seek(start)
    return start, file.read()
