"""Tables of several cells of the comparison: one row group a cell, with the cell's key in each row.

Cells are read one at a time, so only one is in memory. Cells whose method could not be trained have no rows; the file's
metadata hold the reasons.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from l2h.errors import L2HError
from l2h.store import footer, limits
from l2h.store.files import atomic
from l2h.store.tables import CURE, MADE_BY, count_of, metadata_of, open_table

# The key of a cell of the comparison: metadata of its codes, columns of its tables.
CELL_KEY = {
    "dataset": pa.string(),
    "protocol": pa.string(),
    "backbone": pa.string(),
    "weights": pa.string(),
    "variant": pa.string(),
    "method": pa.string(),
    "scope": pa.string(),
    "bits": pa.int64(),
    "seed": pa.int64(),
}
EXACT = "exact"  # the scope of exact search, which has no code: 0 bits in its folder, the features' bits in its rows
NOT_RUN = "not_run"  # metadata: a JSON list of mappings, each with the reason under this name, and the cell's key

Key = Mapping[str, Any]
Add = Callable[[Key, pa.Table], None]


def cell_key(metadata: Mapping[str, str], path: str | Path = "a table") -> dict[str, Any]:
    """The columns of CELL_KEY from a file's metadata, converted to their types."""
    return {
        name: count_of(metadata, name, path) if kind == pa.int64() else metadata[name]
        for name, kind in CELL_KEY.items()
    }


@contextmanager
def cell_writer(path: str | Path, not_run: Sequence[Key] = (), schema: pa.Schema | None = None) -> Iterator[Add]:
    """Write cells one by one.

    Parameters
    ----------
    not_run : keys and reasons of the cells that are missing, from `l2h.store.not_run.find`
    schema : columns beside the key; None for those of the first table

    Yields
    ------
    a function of a cell's key, with the names of CELL_KEY, and its table, with the columns of the schema
    """
    told = {NOT_RUN: json.dumps([dict(one) for one in not_run]), **MADE_BY}
    writer: pq.ParquetWriter | None = None
    with atomic(path) as part:

        def start(own: pa.Schema) -> pq.ParquetWriter:
            whole = pa.schema([*CELL_KEY.items(), *own]).with_metadata(told)
            return pq.ParquetWriter(part, whole, compression="zstd", write_page_checksum=True)

        def add(key: Key, table: pa.Table) -> None:
            nonlocal writer
            if writer is None:
                writer = start(schema or table.schema)
            columns = [pa.repeat(pa.scalar(key[name], kind), len(table)) for name, kind in CELL_KEY.items()]
            own = table.select(writer.schema.names[len(CELL_KEY) :])
            writer.write_table(pa.table([*columns, *own.columns], names=writer.schema.names).cast(writer.schema))

        try:
            yield add
            if writer is None:
                writer = start(schema or pa.schema([]))
        finally:
            if writer is not None:
                writer.close()
        footer.seal(part)


def iter_cells(
    path: str | Path, schema: pa.Schema, kind: str, nullable: Sequence[str] = ()
) -> Iterator[tuple[dict[str, Any], pa.Table]]:
    """Read what `cell_writer` wrote, one cell at a time: its key, and its table with the key's columns.

    Parameters
    ----------
    schema : columns beside the key
    kind : what the file holds, for error messages
    nullable : columns that may lack values

    Raises
    ------
    L2HError
        the file is damaged, has other columns, lacks values, or has rows of several cells in one row group
    """
    whole = pa.schema([*CELL_KEY.items(), *schema])
    with open_table(path) as file:
        if not file.schema_arrow.equals(whole, check_metadata=False):
            raise L2HError(f"{path} is not a {kind} file: its columns are {', '.join(file.schema_arrow.names)}; {CURE}")
        text = limits.text_columns(file.schema)
        groups = range(file.num_row_groups)
    for group in groups:
        with open_table(path, text=text) as file:  # errors of the caller's own work are not the file's
            limits.require_group(file.metadata, group, path)
            table = file.read_row_group(group)
            limits.require_text(table, path)
            table = table.cast(whole)
        _require_values(table.select(schema.names), nullable, path)
        yield _key_of(table, path), table


def cell_keys(path: str | Path) -> list[dict[str, Any]]:
    """The keys of the cells in a file of `cell_writer`, read without their tables."""
    keys = []
    with open_table(path) as file:
        missing = CELL_KEY.keys() - set(file.schema_arrow.names)
        if missing:
            raise L2HError(f"{path} has no column {min(missing)}; {CURE}")
        text = limits.text_columns(file.schema)
    with open_table(path, text=[name for name in text if name in CELL_KEY]) as file:
        for group in range(file.num_row_groups):
            limits.require_group(file.metadata, group, path)
            keys.append(_key_of(file.read_row_group(group, list(CELL_KEY)), path))
    return keys


def in_order(
    files: Iterable[Iterable[tuple[dict[str, Any], pa.Table]]], order: Mapping[str, Sequence[Any]]
) -> list[tuple[dict[str, Any], pa.Table]]:
    """The cells of several files, in the config's order from `l2h.plan.plan.Plan.order`."""

    def place(cell: tuple[dict[str, Any], pa.Table]) -> list[int]:
        key = {**cell[0], "setting": [cell[0]["dataset"], cell[0]["protocol"]]}
        return [values.index(key[name]) if key[name] in values else len(values) for name, values in order.items()]

    return sorted(chain.from_iterable(files), key=place)


def cells_not_run(path: str | Path) -> list[dict[str, Any]]:
    """Keys of the cells that could not be trained, with the reasons."""
    with open_table(path) as file:
        told = metadata_of(file.schema_arrow, path, NOT_RUN)[NOT_RUN]
    try:
        return [{**one, NOT_RUN: str(one[NOT_RUN])} for one in json.loads(told)]
    except (ValueError, TypeError, KeyError) as error:
        raise L2HError(f"{path} does not list the cells that were not run ({error}); {CURE}") from error


def _key_of(table: pa.Table, path: str | Path) -> dict[str, Any]:
    key = {}
    for name in CELL_KEY:
        values = pc.unique(table[name]).to_pylist()
        if len(values) != 1 or values[0] is None:
            raise L2HError(f"{path} has rows of several cells in one row group; {CURE}")
        key[name] = values[0]
    return key


def _require_values(table: pa.Table, nullable: Sequence[str], path: str | Path) -> None:
    for name in table.column_names:
        column = table[name]
        lists = pa.types.is_list(column.type) and pc.list_flatten(column).null_count
        if name not in nullable and (column.null_count or lists):
            raise L2HError(f"{path} has missing values in its column {name}; {CURE}")
