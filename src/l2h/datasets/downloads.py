"""Download files, or take them from a folder of copies; a file appears in place only when complete and checked."""

import gzip
import hashlib
import logging
import time
import zlib
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from l2h import extras
from l2h.errors import L2HError, line
from l2h.progress import track
from l2h.store.files import atomic

PAUSES = (0, 2, 10)  # seconds before each round over a file's addresses
TIMEOUT = 60  # seconds without a byte
BLOCK = 1 << 20  # bytes read at a time

_log = logging.getLogger("l2h")


@dataclass(frozen=True)
class Download:
    """A file on the web.

    Attributes
    ----------
    path : location below a folder of downloads or copies, in torchvision's layout
    size : bytes of the content; more are never read
    sha256 : hex digest of the content
    urls : addresses in the order to try; gzipped if only the address ends in .gz
    """

    path: str
    size: int
    sha256: str
    urls: tuple[str, ...]


Fetch = Callable[[Download], Path]


@dataclass(frozen=True)
class Sources:
    """Where files come from.

    Attributes
    ----------
    folder : where downloads are stored
    mirror : a folder of copies, searched before any download
    """

    folder: str | Path
    mirror: str | Path | None = None

    def fetch(self, download: Download) -> Path:
        """Path of the file, after its content was checked: see the function `fetch`."""
        return fetch(download, self.folder, self.mirror)

    def find(self, path: str) -> Path | None:
        """A file, plain or gzipped, or a folder that the user has downloaded: in the folder, or else in the mirror."""
        places = [Path(place) / path for place in (self.folder, self.mirror) if place is not None]
        candidates = [place.with_name(name) for place in places for name in (place.name, place.name + ".gz")]
        return next((place for place in candidates if place.exists()), None)


def fetch(download: Download, folder: str | Path, mirror: str | Path | None = None) -> Path:
    """Return the file's path below `folder`, after its content was checked.

    Search order: `folder`; `mirror`, a folder of copies; the web, in three rounds over the addresses. Copies may be
    plain or gzipped (name + ".gz"), at the file's path or directly in the folder. A copy with other content is skipped
    with a warning.

    Raises
    ------
    L2HError
        the file is not available; the message says why, and what to place where
    """
    target = Path(folder) / download.path
    for copy in _copies(download, target, mirror):
        reason = _take(partial(copy.open, "rb"), copy.name, download, target if copy != target else None)
        if reason is None:
            return target
        _log.warning("%s is skipped: %s", copy, reason)
    reasons: dict[str, str] = {}
    for pause in PAUSES:
        time.sleep(pause)
        for url in download.urls:
            reason = _take(partial(_body, url), url, download, target)
            if reason is None:
                return target
            _log.warning("%s: %s", url, reason)
            reasons[url] = reason
    raise L2HError(
        f"{target.name} is not available ({'; '.join(f'{url}: {reason}' for url, reason in reasons.items())}). "
        f"Place it yourself, plain or gzipped, at {target}, or at {download.path} in the folder of dataset_mirror; "
        f"its content has the sha256 {download.sha256}"
    )


def _copies(download: Download, target: Path, mirror: str | Path | None) -> list[Path]:
    """Existing files that may be a copy."""
    places = [target]
    if mirror is not None:
        places += [Path(mirror) / download.path, Path(mirror) / target.name]
    candidates = [place.with_name(name) for place in places for name in (place.name, place.name + ".gz")]
    return [path for path in dict.fromkeys(candidates) if path.is_file()]


@contextmanager
def _body(url: str) -> Iterator[Any]:
    extras.require("requests", "urllib3")
    import requests
    import urllib3

    try:
        with requests.get(url, stream=True, timeout=TIMEOUT) as response:
            response.raise_for_status()
            way = [hop.url for hop in (*response.history, response)]
            if url.startswith("https:") and not all(hop.startswith("https:") for hop in way):
                raise _UnfitError(f"it redirects to {way[-1]}, not over HTTPS all the way")
            yield response.raw
    except (requests.ConnectionError, requests.Timeout) as error:
        raise _UnfitError(type(error).__name__) from error  # without urllib3's nested messages
    except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
        raise _UnfitError(line(error)) from error


def _take(
    source: Callable[[], AbstractContextManager[Any]], name: str, download: Download, target: Path | None
) -> str | None:
    """Check a source's content, and copy it to `target` if there is one; return what is wrong with it, or None."""
    gzipped = name.endswith(".gz") and not download.path.endswith(".gz")
    try:
        with source() as raw:
            content = _checked(gzip.GzipFile(fileobj=raw) if gzipped else raw, download)
            if target is None:
                deque(content, maxlen=0)
                return None
            with atomic(target) as part, part.open("wb") as file:
                file.writelines(track(target.name, content, -(-download.size // BLOCK), "MiB"))
    except _UnfitError as error:
        return str(error)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        return f"not a complete gzip file, {line(error)}"
    return None


def _checked(content: Any, download: Download) -> Iterator[bytes]:
    """Yield the blocks of the content; raise if it is not the expected content."""
    digest, size = hashlib.sha256(), 0
    while block := content.read(BLOCK):
        size += len(block)
        if size > download.size:
            raise _UnfitError(f"its content is larger than the {download.size} bytes expected")
        digest.update(block)
        yield block
    if size < download.size:
        raise _UnfitError(f"it ends after {size} of {download.size} bytes")
    if digest.hexdigest() != download.sha256:
        raise _UnfitError(f"its content has the sha256 {digest.hexdigest()}")


class _UnfitError(Exception):
    """Unexpected content."""
