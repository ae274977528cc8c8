"""Rank histograms, and rankings by scores."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from l2h.errors import L2HError
from l2h.ranking import RankedRelevance, RankHistogram
from l2h.store.tables import (
    CURE,
    Ints,
    bits_of,
    byte_rows,
    count_of,
    fixed_binary,
    metadata_of,
    read_metadata,
    read_table,
    write_table,
)

HISTOGRAM = pa.schema(
    [
        ("query_id", pa.int64()),
        ("total", pa.list_(pa.int64())),
        ("relevant", pa.list_(pa.int64())),
    ]
)


def write_histogram(path: str | Path, query_ids: Ints, h: RankHistogram, metadata: Mapping[str, str]) -> None:
    """Write one rank histogram; query_ids: int64 (Q,)."""
    columns = [pa.array(query_ids), *(_lists(table) for table in (h.total, h.relevant))]
    write_table(path, pa.table(columns, schema=HISTOGRAM), HISTOGRAM, {**metadata, "queries": h.queries})


def read_histogram(path: str | Path) -> tuple[Ints, RankHistogram, dict[str, str]]:
    """Read query ids int64 (Q,), the histogram, and the metadata."""
    table = read_table(path, HISTOGRAM, "histogram")
    metadata = metadata_of(table.schema, path, "queries", "bits")
    width = bits_of(metadata, path) + 1
    try:
        total, relevant = (_table(table[name], width) for name in ("total", "relevant"))
        h = RankHistogram(total, relevant, metadata["queries"])
    except ValueError as error:
        raise L2HError(f"{path} is no rank histogram of {width - 1} bits: {error}; delete it and run again") from error
    return table["query_id"].to_numpy(), h, metadata


def write_relevance(path: str | Path, query_ids: Ints, h: RankedRelevance, metadata: Mapping[str, str]) -> None:
    """Write one ranking by scores; query_ids: int64 (Q,)."""
    schema = _relevance_schema(h.relevant.shape[1])
    columns = [pa.array(query_ids), fixed_binary(h.relevant), fixed_binary(h.tied)]
    write_table(path, pa.table(columns, schema=schema), schema, {**metadata, "items": str(h.items)})


def read_relevance(path: str | Path) -> tuple[Ints, RankedRelevance, dict[str, str]]:
    """Read query ids int64 (Q,), the ranking, and the metadata."""
    metadata = read_metadata(path, "items", "bits")
    items = count_of(metadata, "items", path)
    table = read_table(path, _relevance_schema(-(-items // 8)), "relevance")
    relevant, tied = (byte_rows(table[name].combine_chunks()) for name in ("relevant", "tied"))
    try:
        h = RankedRelevance(relevant, tied, items)
    except ValueError as error:
        raise L2HError(f"{path} is no ranking of {items} items: {error}; {CURE}") from error
    return table["query_id"].to_numpy(), h, metadata


def read_ranking(path: str | Path) -> tuple[Ints, RankHistogram | RankedRelevance, dict[str, str]]:
    """Read what `write_histogram` or `write_relevance` wrote."""
    return read_relevance(path) if "items" in read_metadata(path) else read_histogram(path)


def _relevance_schema(width: int) -> pa.Schema:
    packed = pa.binary(width)
    return pa.schema([("query_id", pa.int64()), ("relevant", packed), ("tied", packed)])


def _lists(table: NDArray[np.int64]) -> pa.Array:
    rows, width = table.shape
    offsets = np.arange(0, (rows + 1) * width, width, dtype=np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(table.ravel()))


def _table(column: pa.ChunkedArray, width: int) -> NDArray[np.int64]:
    """The inverse of `_lists`; raises ValueError where a list has another width."""
    lengths = pc.list_value_length(column)
    if not pc.all(pc.equal(lengths, width)).as_py():
        raise ValueError(f"lists of {width} counts expected")
    return pc.list_flatten(column).to_numpy().reshape(len(column), width)
