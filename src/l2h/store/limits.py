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
MAX_MEMORY = 2**30  # bytes of a row group, or of a table that is read as a whole; a large file may give a larger table
MAX_RATIO = 100  # of a table's size in memory to the size of its file
VALUE = 8  # minimum bytes of a value in memory, however small it is in the file


def require_plain(path: str | Path) -> None:
    """Raise OSError unless a path is a regular file: reading a pipe would block, and a device may never end."""
    if not stat.S_ISREG(Path(path).stat().st_mode):
        raise OSError("not a regular file")


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object in a file; raises OSError or ValueError with a short reason if there is none."""
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
        raise ValueError("not a JSON object")
    return value


def require_columns(metadata: pq.FileMetaData, path: str | Path) -> None:
    """Raise OSError for an inconsistent footer, whose row groups must not be accessed.

    Arrow aborts the process when Python accesses such a column (`row_group(i).column(j)`), but raises an error when it
    starts to read. So it is made to read from a dummy file of the same size.
    """
    source = pa.PythonFile(_Silence(Path(path).stat().st_size), mode="r")
    with suppress(_ReadError):
        pq.ParquetFile(source, metadata=metadata, pre_buffer=True).read_row_groups(
            range(metadata.num_row_groups), use_threads=False
        )


class _ReadError(Exception):
    """Bytes were requested."""


class _Silence(io.RawIOBase):
    """A dummy file with a size but no content."""

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
    """Raise L2HError if a row group takes more than MAX_MEMORY."""
    size = _group_bytes(metadata, group)
    if size > MAX_MEMORY:
        raise L2HError(
            f"{path} has a row group of {size} bytes, over the limit of {MAX_MEMORY}; write smaller row groups"
        )


def require_table(metadata: pq.FileMetaData, path: str | Path) -> None:
    """Raise L2HError if all row groups together exceed the limit for a table."""
    _require_small(sum(_group_bytes(metadata, group) for group in range(metadata.num_row_groups)), path)


def text_columns(schema: pq.ParquetSchema) -> list[str]:
    """The text columns of a file, for `read_dictionary`, which keeps each value once, not once a row.

    So a text that is stored once for a million rows is not copied a million times.
    """
    return [column.path for column in schema if column.physical_type == "BYTE_ARRAY"]


def require_text(table: pa.Table, path: str | Path) -> None:
    """Raise L2HError if a table with dictionary-encoded text would exceed the limit when decoded."""
    size = 0
    for column in table.columns:
        for chunk in column.chunks:
            flat = chunk.flatten() if pa.types.is_list(chunk.type) else chunk
            if pa.types.is_dictionary(flat.type):
                lengths = pc.binary_length(flat.dictionary).cast(pa.int64())
                size += pc.sum(lengths.take(flat.indices)).as_py() or 0
    _require_small(size, path)


def _group_bytes(metadata: pq.FileMetaData, group: int) -> int:
    """Memory that a row group claims by its rows, values or bytes; it is allocated as claimed."""
    row_group = metadata.row_group(group)
    chunks = (row_group.column(number) for number in range(row_group.num_columns))
    values = ((max(row_group.num_rows, chunk.num_values), chunk) for chunk in chunks)
    return sum(max(chunk.total_uncompressed_size, VALUE * count) for count, chunk in values)


def _require_small(size: int, path: str | Path) -> None:
    held = Path(path).stat().st_size
    if size > max(MAX_MEMORY, MAX_RATIO * held):
        raise L2HError(
            f"{path} would take {size} bytes of memory, from {held} in the file; download it again, or leave it out"
        )
