"""A parquet file's footer under a seal of its own: pages can carry checksums, the footer has none in the format.

The seal stands between the last page and the footer, where no reader of parquet looks.
"""

import hashlib
from pathlib import Path
from typing import BinaryIO

MARK = b"sha256 of the footer:"
SEAL = len(MARK) + 32
END = 8  # the footer's length and the format's name, which are sealed with it


def seal(path: str | Path) -> None:
    """Put the seal into a file that was just written."""
    with open(path, "r+b") as file:
        start, footer = _footer(file)
        file.seek(start)
        file.write(MARK + hashlib.sha256(footer).digest() + footer)


def is_whole(path: str | Path) -> bool:
    """Whether the footer is the one that was sealed; a file without a seal, as other programs write, passes."""
    with open(path, "rb") as file:
        start, footer = _footer(file)
        file.seek(max(start - SEAL, 0))
        found = file.read(SEAL)
    return not found.startswith(MARK) or found == MARK + hashlib.sha256(footer).digest()


def _footer(file: BinaryIO) -> tuple[int, bytes]:
    """Where the footer starts, as far as its length can be believed, and all that follows."""
    size = file.seek(0, 2)
    file.seek(max(size - END, 0))
    start = max(size - END - int.from_bytes(file.read(4), "little"), 0)
    file.seek(start)
    return start, file.read()
