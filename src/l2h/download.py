"""What is known of a file on the web before it is fetched."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Download:
    """A file on the web.

    Attributes
    ----------
    path : where it lies below a folder of downloads or copies, as torchvision would place it
    size : bytes of its content; more are never read
    sha256 : hex digest of its content
    urls : where it can be had, in the order to try; gzipped where the address alone ends in .gz
    """

    path: str
    size: int
    sha256: str
    urls: tuple[str, ...]


Fetch = Callable[[Download], Path]
