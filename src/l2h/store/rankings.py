"""Rankings of a variant's cells: rank histograms, or relevance in rank order."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from l2h.errors import L2HError
from l2h.ranking import RankedRelevance, RankHistogram
from l2h.store.cells import Key, cell_writer, iter_cells
from l2h.store.tables import CURE, Ints, byte_rows, fixed_binary, open_table

Ranking = RankHistogram | RankedRelevance
Ranked = tuple[dict[str, Any], Ints, Ranking]  # a cell's key, query ids int64 (Q,), and its ranking

HISTOGRAM = pa.schema(  # besides a cell's key
    [
        ("query_id", pa.int64()),
        ("total", pa.list_(pa.int64())),
        ("relevant", pa.list_(pa.int64())),
        ("queries", pa.string()),  # the digest that is checked when histograms are added
    ]
)


@contextmanager
def ranking_writer(
    path: str | Path, not_run: Sequence[Key] = ()
) -> Iterator[Callable[[Mapping[str, Any], Ints, Ranking], None]]:
    """Write the rankings of a variant's cells one by one; all are of the same kind.

    Yields
    ------
    a function that takes a cell's key, the query ids, int64 (Q,), and the ranking
    """
    with cell_writer(path, not_run) as add:

        def write(key: Mapping[str, Any], query_ids: Ints, ranking: Ranking) -> None:
            columns = _of_histogram(ranking) if isinstance(ranking, RankHistogram) else _of_relevance(ranking)
            add(key, pa.table({"query_id": query_ids, **columns}))

        yield write


def iter_rankings(path: str | Path) -> Iterator[Ranked]:
    """Read what `ranking_writer` wrote, one cell at a time; nothing if no cell could be run."""
    with open_table(path) as file:
        found = file.schema_arrow
        groups = file.num_row_groups
    if not groups:
        return
    if "total" in found.names:
        for key, table in iter_cells(path, HISTOGRAM, "histogram"):
            yield key, table["query_id"].to_numpy(), _histogram(table, key["bits"], path)
    else:
        kind = found.field("relevant").type if "relevant" in found.names else pa.null()
        schema = _relevance_schema(kind if pa.types.is_fixed_size_binary(kind) else pa.binary(0))
        for key, table in iter_cells(path, schema, "relevance"):
            yield key, table["query_id"].to_numpy(), _relevance(table, path)


def _of_histogram(h: RankHistogram) -> dict[str, pa.Array]:
    return {"total": _lists(h.total), "relevant": _lists(h.relevant), "queries": pa.repeat(h.queries, len(h.total))}


def _histogram(table: pa.Table, bits: int, path: str | Path) -> RankHistogram:
    try:
        total, relevant = (_table(table[name], bits + 1) for name in ("total", "relevant"))
        return RankHistogram(total, relevant, table["queries"][0].as_py())
    except ValueError as error:
        raise L2HError(f"{path} is not a rank histogram of {bits} bits: {error}; {CURE}") from error


def _of_relevance(h: RankedRelevance) -> dict[str, pa.Array]:
    items = pa.repeat(pa.scalar(h.items, pa.int64()), len(h.relevant))
    nothing = np.zeros((len(h.relevant), 1), np.uint8)  # parquet has no column of no bytes
    relevant, tied = (nothing, nothing) if h.empty else (h.relevant, h.tied)
    return {"relevant": fixed_binary(relevant), "tied": fixed_binary(tied), "items": items}


def _relevance(table: pa.Table, path: str | Path) -> RankedRelevance:
    relevant, tied = (byte_rows(table[name].combine_chunks()) for name in ("relevant", "tied"))
    (items, *others) = pc.unique(table["items"]).to_pylist()
    try:
        if others:
            raise ValueError("its queries are ranked against databases of different sizes")
        if items == 0:
            relevant, tied = relevant[:, :0], tied[:, :0]
        return RankedRelevance(relevant, tied, items)
    except ValueError as error:
        raise L2HError(f"{path} is not a ranking of {items} items: {error}; {CURE}") from error


def _relevance_schema(packed: pa.DataType) -> pa.Schema:
    return pa.schema([("query_id", pa.int64()), ("relevant", packed), ("tied", packed), ("items", pa.int64())])


def _lists(table: NDArray[np.int64]) -> pa.Array:
    rows, width = table.shape
    offsets = np.arange(0, (rows + 1) * width, width, dtype=np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(table.ravel()))


def _table(column: pa.ChunkedArray, width: int) -> NDArray[np.int64]:
    """The inverse of `_lists`; raises ValueError if a list has another width."""
    lengths = pc.list_value_length(column)
    if not pc.all(pc.equal(lengths, width)).as_py():
        raise ValueError(f"expected lists of {width} counts")
    return pc.list_flatten(column).to_numpy().reshape(len(column), width)
