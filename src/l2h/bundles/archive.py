"""Stream a bundle's files from a plain tar archive or from a folder, in constant memory.

The archive is a sequence of regular files without tar extensions. All other entries (links, devices, sparse files, long
names) are refused before anything is written, and nothing is compressed, so an archive cannot grow when unpacked.

Headers are parsed with `tarfile.TarInfo`, but the archive is not read with `tarfile.TarFile`, which obeys extensions
before its caller or its data filter sees a file. With Python 3.11.7, a long name of 256 MiB took 1.9 GB of memory, a
pax header of 80 kB more than 10 s, 500 long names in a row ended in a RecursionError, sparse maps that are not numbers
in a ValueError, and a damaged header or a missing end was taken for the end of the archive. Python's main branch still
reads such headers without limits on size and number.
"""

import hashlib
import os
import stat
import tarfile
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import BinaryIO

from l2h.bundles.manifest import CURE, MANIFEST, MAX_JSON, Manifest, Member, kind, parse
from l2h.errors import L2HError
from l2h.store.files import atomic

Blocks = Iterator[bytes]

HEADER = 512  # bytes of a header; contents are padded to a multiple of it
RECORD = 10_240  # bytes to which tar programs pad an archive
CHUNK = 2**20
USTAR_SIZE = 8**11  # a file of this size or more needs GNU's notation


def write(path: str | Path, contents: Mapping[str, bytes | Path], members: Mapping[str, Member]) -> None:
    """Write an archive; the same contents give the same bytes.

    Parameters
    ----------
    contents : path in the bundle -> bytes, or the file that holds them; the order is kept
    members : size and sha256 of the files; raises L2HError if one has changed since
    """
    with atomic(path) as part, part.open("wb") as file:
        for name, content in contents.items():
            file.write(_header(name, members[name].size))
            file.writelines(verified(_content(content), members[name], name))
            file.write(bytes(-members[name].size % HEADER))
        file.write(bytes(2 * HEADER))


def measure(content: bytes | Path) -> Member:
    """Size and sha256 of bytes, or of a file."""
    digest, size = hashlib.sha256(), 0
    for block in _content(content):
        digest.update(block)
        size += len(block)
    return Member(size, digest.hexdigest())


def read_bundle_manifest(path: str | Path) -> Manifest:
    """The manifest of a bundle, an archive or a folder; does not read its other files."""
    with closing(files(path)) as found:
        name, size, blocks = next(found, ("nothing", 0, iter(())))
        if name != MANIFEST:
            raise L2HError(
                f"{path} is not a bundle: it begins with {name!r}, not with {MANIFEST}; use a released bundle"
            )
        if size > MAX_JSON:
            raise L2HError(f"{path}: {MANIFEST} has {size} bytes, over the limit of {MAX_JSON}")
        return parse(b"".join(blocks), str(path))


def files(path: str | Path) -> Generator[tuple[str, int, Blocks]]:
    """Yield path, size and content of each file of a bundle, the manifest first.

    Raises
    ------
    L2HError
        the archive is truncated, or has an entry that is not a file of a bundle
    """
    path = Path(path)
    if path.is_dir():
        found = _of_folder(path)
    elif path.is_file():
        found = _of_archive(path)
    else:
        raise L2HError(f"{path} is neither an archive nor a folder; paths are relative to the working directory")
    for name, size, blocks in found:
        if name != MANIFEST and kind(name) is None:
            raise L2HError(f"{path}: {name!r} does not belong in a bundle; {CURE}")
        yield name, size, blocks


def verified(blocks: Iterable[bytes], member: Member, what: str) -> Blocks:
    """Pass the blocks through; after the last, raises L2HError if size or sha256 do not match."""
    digest, size = hashlib.sha256(), 0
    for block in blocks:
        digest.update(block)
        size += len(block)
        yield block
    if (size, digest.hexdigest()) != member:
        raise L2HError(
            f"{what} was changed or damaged: it has {size} bytes with sha256 {digest.hexdigest()}, {MANIFEST} says "
            f"{member.size} with {member.sha256}; {CURE}"
        )


def _header(name: str, size: int) -> bytes:
    info = tarfile.TarInfo(name)
    info.size = size
    try:
        header = info.tobuf(tarfile.USTAR_FORMAT if size < USTAR_SIZE else tarfile.GNU_FORMAT, "utf-8")
    except ValueError as error:
        raise L2HError(f"{name!r} is too long for a file's path in an archive; choose shorter labels") from error
    if len(header) != HEADER:
        raise L2HError(f"{name!r} is too long for the path of a file of {size} bytes; choose a shorter label")
    return header


def _of_archive(path: Path) -> Iterator[tuple[str, int, Blocks]]:
    with path.open("rb") as file:
        end = os.fstat(file.fileno()).st_size
        while any(header := file.read(HEADER)):
            try:
                info = tarfile.TarInfo.frombuf(header, "utf-8", "surrogateescape")
            except tarfile.HeaderError as error:
                what = "cut short" if len(header) < HEADER else "damaged"
                raise L2HError(
                    f"{path} is {what}, or not a plain tar archive ({error} before byte {file.tell()}); {CURE}"
                ) from error
            if info.type not in (tarfile.REGTYPE, tarfile.AREGTYPE):
                raise L2HError(
                    f"{path}: {info.name!r} is a link, device, folder or extension (tar's type "
                    f"{info.type.decode('latin-1')!r}); a bundle holds only regular files: {CURE}"
                )
            start = file.tell()
            if not 0 <= info.size <= end - start:
                raise L2HError(f"{path} is cut short: {info.name!r} should have {info.size} bytes; {CURE}")
            yield info.name, info.size, _blocks(file, info.size)
            file.seek(start + info.size + -info.size % HEADER)
        rest = file.read(RECORD + 1)
        if not header:
            raise L2HError(f"{path} is cut short: the end of the archive is missing; {CURE}")
        if len(rest) > RECORD or any(rest):
            raise L2HError(f"{path} has data after the archive's end; {CURE}")


def _of_folder(folder: Path) -> Iterator[tuple[str, int, Blocks]]:
    yield from _opened(folder, MANIFEST)
    places = [""]
    while places:
        with os.scandir(folder / places[-1]) as entries:
            place, found = places.pop(), sorted(entries, key=lambda entry: entry.name)
        for entry in found:
            name = place + entry.name
            if entry.is_dir(follow_symlinks=False):
                places.append(f"{name}/")
            elif name != MANIFEST:
                yield from _opened(folder, name)


def _opened(folder: Path, name: str) -> Iterator[tuple[str, int, Blocks]]:
    """Open a file that must not be a link or a device, nor be replaced by one meanwhile."""
    try:
        descriptor = os.open(folder / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        what = "is a link" if (folder / name).is_symlink() else f"cannot be read ({error.strerror})"
        raise L2HError(f"{folder}: {name!r} {what}; a bundle holds only regular files: {CURE}") from error
    with open(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise L2HError(f"{folder}: {name!r} is not a regular file; {CURE}")
        yield name, status.st_size, _blocks(file, status.st_size)


def _content(content: bytes | Path) -> Blocks:
    if isinstance(content, bytes):
        yield content
        return
    with content.open("rb") as file:
        while block := file.read(CHUNK):
            yield block


def _blocks(file: BinaryIO, size: int) -> Blocks:
    while size and (block := file.read(min(size, CHUNK))):
        size -= len(block)
        yield block
