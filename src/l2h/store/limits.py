"""Size limits for untrusted parquet and JSON files, checked before they are read."""

import io
import json
import stat
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from l2h.errors import L2HError

MAX_JSON = 2**26  # bytes
MAX_MEMORY = 2**30  # bytes of a row group, or of a table that is read whole; more of the latter if its file is large
MAX_RATIO = 100  # of a table's bytes in memory to those of its file
VALUE = 8  # bytes that a value takes at least, as few as it may take in the file


def require_plain(path: str | Path) -> None:
    """Raise OSError where a path leads to no plain file: to read a pipe would wait, to read a device never end."""
    if not stat.S_ISREG(Path(path).stat().st_mode):
        raise OSError("no plain file")


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object that a file holds; raises OSError or ValueError, in a few words, where it holds none."""
    require_plain(path)
    with path.open("rb") as file:
        content = file.read(MAX_JSON + 1)
    if len(content) > MAX_JSON:
        raise ValueError(f"larger than {MAX_JSON >> 20} MiB")
    try:
        value = json.loads(content)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(value, dict):
        raise ValueError("no JSON object")
    return value


def require_columns(metadata: pq.FileMetaData, path: str | Path) -> None:
    """Raise OSError where a footer contradicts itself on a column, which its row groups must not be asked for then.

    Arrow ends the process where Python asks (`row_group(i).column(j)`), but raises where it sets out to read. So it is
    told to read a file of this size that says nothing.
    """
    source = pa.PythonFile(_Silence(Path(path).stat().st_size), mode="r")
    with suppress(_ReadError):
        pq.ParquetFile(source, metadata=metadata, pre_buffer=True).read_row_groups(
            range(metadata.num_row_groups), use_threads=False
        )


class _ReadError(Exception):
    """Bytes were asked for."""


class _Silence(io.RawIOBase):
    """A file of a size, without bytes."""

    def __init__(self, size: int) -> None:
        self._size = size

    def readable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._size if whence else offset

    def tell(self) -> int:
        return self._size

    def read(self, size: int = -1) -> bytes:
        raise _ReadError


def require_group(metadata: pq.FileMetaData, group: int, path: str | Path) -> None:
    """Raise L2HError where a row group takes more than MAX_MEMORY."""
    size = _group_bytes(metadata, group)
    if size > MAX_MEMORY:
        raise L2HError(
            f"{path} holds a row group of {size} bytes, more than the {MAX_MEMORY} that are read; write smaller ones"
        )


def require_table(metadata: pq.FileMetaData, path: str | Path) -> None:
    """Raise L2HError where all row groups together take more than a table may."""
    _require_small(sum(_group_bytes(metadata, group) for group in range(metadata.num_row_groups)), path)


def text_columns(schema: pq.ParquetSchema) -> list[str]:
    """The paths of a file's text, to be read by `read_dictionary`: kept once a value, and not once a row.

    So a text that stands in the file once, for a million rows, does not become a million.
    """
    return [column.path for column in schema if column.physical_type == "BYTE_ARRAY"]


def require_text(table: pa.Table, path: str | Path) -> None:
    """Raise L2HError where a table whose text is kept once a value would take more, written out, than it may."""
    size = 0
    for column in table.columns:
        for chunk in column.chunks:
            flat = chunk.flatten() if pa.types.is_list(chunk.type) else chunk
            if pa.types.is_dictionary(flat.type):
                lengths = pc.binary_length(flat.dictionary).cast(pa.int64())
                size += pc.sum(lengths.take(flat.indices)).as_py() or 0
    _require_small(size, path)


def _group_bytes(metadata: pq.FileMetaData, group: int) -> int:
    """What a row group says, by its rows, values or bytes, that it will take: room is made by what it says."""
    row_group = metadata.row_group(group)
    chunks = (row_group.column(number) for number in range(row_group.num_columns))
    values = ((max(row_group.num_rows, chunk.num_values), chunk) for chunk in chunks)
    return sum(max(chunk.total_uncompressed_size, VALUE * count) for count, chunk in values)


def _require_small(size: int, path: str | Path) -> None:
    held = Path(path).stat().st_size
    if size > max(MAX_MEMORY, MAX_RATIO * held):
        raise L2HError(
            f"{path} would take {size} bytes of memory, out of {held} in the file; get it anew, or do without it"
        )
