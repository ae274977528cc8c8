"""Read and write checked parquet: page checksums, a sealed footer, a fixed schema, metadata as strings by name."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from l2h.errors import L2HError, line
from l2h.store import footer, limits
from l2h.store.files import atomic

Ints = NDArray[np.int64]
Batch = tuple[Ints, NDArray]
CURE = "delete it and run again"  # for files that a run wrote; readers of users' files pass another one
# Origin of the files that a job writes: its rule, and the digests of its code as JSON. `l2h.job.start` sets it; it
# becomes metadata of tables, and the entry "made_by" of JSON files.
MADE_BY: dict[str, str] = {}
LABELS = pa.list_(pa.int32())
NARROW_LABELS = pa.list_(pa.int16())  # in files of version 0.1.0, including released bundles; still read


def read_metadata(path: str | Path, *required: str, cure: str = CURE) -> dict[str, str]:
    """Metadata of a parquet file, read without its rows."""
    with open_table(path, cure) as file:
        return metadata_of(file.schema_arrow, path, *required, cure=cure)


def write_metadata(path: str | Path, metadata: Mapping[str, str]) -> None:
    """Write a parquet file that has metadata, but no columns."""
    write_table(path, pa.table({}), pa.schema([]), metadata)


def write_table(path: str | Path, table: pa.Table, schema: pa.Schema, metadata: Mapping[str, str]) -> None:
    """Write a table with its metadata and its origin."""
    with atomic(path) as part:
        table = table.cast(schema).replace_schema_metadata({**metadata, **MADE_BY})
        pq.write_table(table, part, compression="zstd", write_page_checksum=True)
        footer.seal(part)


def read_table(path: str | Path, schema: pa.Schema, kind: str, cure: str = CURE, nullable: bool = False) -> pa.Table:
    """Read a table; raises L2HError if it is damaged, has another schema or, unless nullable, missing values."""
    with open_table(path, cure) as file:
        if not _widened(file.schema_arrow).equals(schema, check_metadata=False):
            raise L2HError(f"{path} is not a {kind} file: its columns are {', '.join(file.schema_arrow.names)}; {cure}")
        limits.require_table(file.metadata, path)
        text = limits.text_columns(file.schema)
    with open_table(path, cure, text) as file:
        table = file.read()
        limits.require_text(table, path)
        table = table.cast(schema.with_metadata(table.schema.metadata))
    for name in table.column_names:
        if not nullable and _lacks(table[name]):
            raise L2HError(f"{path} has missing values in its column {name}; {cure}")
    return table


def _widened(schema: pa.Schema) -> pa.Schema:
    """A file's schema as the current version would write it."""
    return pa.schema([field.with_type(LABELS) if field.type == NARROW_LABELS else field for field in schema])


def _lacks(column: pa.ChunkedArray) -> bool:
    """Whether there are nulls, including nulls in lists."""
    return column.null_count > 0 or (pa.types.is_list(column.type) and pc.list_flatten(column).null_count > 0)


def write_batches(
    path: str | Path, batches: Iterable[tuple[Ints, pa.Array]], name: str, metadata: Mapping[str, str]
) -> None:
    """Write ids and a column of this name, one row group a batch; raises L2HError if there are no batches."""
    writer: pq.ParquetWriter | None = None
    with atomic(path) as part:
        try:
            for ids, column in batches:
                schema = pa.schema([("id", pa.int64()), (name, column.type)], metadata={**metadata, **MADE_BY})
                if writer is None:
                    # values hardly repeat: a dictionary would make the file larger and reading twice as slow
                    writer = pq.ParquetWriter(
                        part, schema, compression="zstd", use_dictionary=False, write_page_checksum=True
                    )
                writer.write_table(pa.table([pa.array(ids), column], schema=schema))
        finally:
            if writer is not None:
                writer.close()
        if writer is None:
            raise L2HError(f"{path}: there is nothing to write; the dataset is empty")
        footer.seal(part)


def iter_batches(
    path: str | Path,
    name: str,
    fits: Callable[[pa.DataType], bool],
    what: str,
    cure: str = CURE,
    wanted: Ints | None = None,
) -> Iterator[tuple[Ints, pa.Array]]:
    """Yield ids and values of each row group; if `wanted` ids are given, only of groups that have some of them."""
    with open_table(path, cure) as file:
        schema = file.schema_arrow
        if schema.names != ["id", name] or schema.field("id").type != pa.int64() or not fits(schema.field(name).type):
            raise L2HError(f"{path} is not a file of {what}: its columns are {', '.join(map(str, schema))}; {cure}")
        for group in range(file.num_row_groups):
            limits.require_group(file.metadata, group, path)
            if wanted is not None and not np.isin(file.read_row_group(group, ["id"])["id"], wanted).any():
                continue
            table = file.read_row_group(group)
            if table["id"].null_count or table[name].null_count:
                raise L2HError(f"{path} has rows without an id or a {name}")
            if not len(table):
                continue
            yield table["id"].to_numpy(), table[name].combine_chunks()


def gather(path: str | Path, batches: Iterable[Batch], ids: Ints, what: str) -> NDArray:
    """Select the rows of these ids, in their order, from batches of ids and rows."""
    order = np.argsort(ids)
    ordered = ids[order]
    result: NDArray | None = None
    seen = np.zeros(len(ids), dtype=bool)
    for some_ids, values in batches:
        if result is None:
            result = np.empty((len(ids), values.shape[1]), dtype=values.dtype)
        places = np.minimum(np.searchsorted(ordered, some_ids), len(ids) - 1)
        wanted = ordered[places] == some_ids
        rows = order[places[wanted]]
        result[rows] = values[wanted]
        seen[rows] = True
    if result is None or not seen.all():
        raise L2HError(f"{path}: no {what} for ids {ids[~seen][:5].tolist()} ...; delete it and run again")
    return result


@contextmanager
def open_table(path: str | Path, cure: str = CURE, text: Sequence[str] = ()) -> Iterator[pq.ParquetFile]:
    """Open a parquet file, and turn every error while it is open into an L2HError."""
    try:
        limits.require_plain(path)
        if not footer.is_whole(path):
            raise L2HError(f"{path} is damaged: its footer does not match its sha256; {cure}")
        with pq.ParquetFile(path, page_checksum_verification=True, read_dictionary=list(text)) as file:
            limits.require_columns(file.metadata, path)
            yield file
    except L2HError:
        raise
    except FileNotFoundError as error:
        raise L2HError(f"{path} does not exist") from error
    except (pa.ArrowException, OSError, ValueError) as error:  # a ValueError means bytes that are not valid text
        raise L2HError(f"{path} is damaged or cut short ({line(error)}); {cure}") from error


def require_labels(table: pa.Table, path: str | Path, cure: str) -> None:
    """Raise L2HError if a label is below 0."""
    lowest = pc.min(pc.list_flatten(table["labels"])).as_py()
    if lowest is not None and lowest < 0:
        raise L2HError(f"{path} has the label {lowest}; labels count from 0: {cure}")


def metadata_of(schema: pa.Schema, path: str | Path, *required: str, cure: str = CURE) -> dict[str, str]:
    """Return the metadata of a schema; raises L2HError if a required key is missing."""
    try:
        metadata = {key.decode(): value.decode() for key, value in (schema.metadata or {}).items()}
    except UnicodeDecodeError as error:
        raise L2HError(f"{path} has metadata that is not text ({error}); {cure}") from error
    missing = [key for key in required if key not in metadata]
    if missing:
        raise L2HError(f"{path} lacks the metadata {', '.join(missing)}; {cure}")
    return metadata


def bits_of(metadata: Mapping[str, str], path: str | Path) -> int:
    """Return the number of bits from the metadata."""
    return count_of(metadata, "bits", path)


def count_of(metadata: Mapping[str, str], name: str, path: str | Path) -> int:
    """Return an integer from the metadata; raises L2HError for anything else."""
    if not re.fullmatch("[0-9]{1,10}", metadata[name]):
        raise L2HError(f"{path} has {metadata[name]!r} as its {name}; an integer is expected")
    return int(metadata[name])


def byte_rows(column: pa.Array) -> NDArray[np.uint8]:
    """A column of fixed_size_binary[w] as uint8 (n, w)."""
    width = column.type.byte_width
    return np.frombuffer(column.buffers()[1], np.uint8, len(column) * width, column.offset * width).reshape(-1, width)


def fixed_binary(packed: NDArray[np.uint8]) -> pa.Array:
    """Return packed rows, uint8 (n, w), as a column of fixed_size_binary[w]."""
    packed = np.ascontiguousarray(packed)
    return pa.FixedSizeBinaryArray.from_buffers(
        pa.binary(packed.shape[1]), len(packed), [None, pa.py_buffer(packed.tobytes())]
    )
