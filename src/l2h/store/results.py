"""Tables of results: metrics, average precisions, costs, audits, comparisons, and the gallery."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from numpy.typing import NDArray

from l2h.errors import L2HError, line
from l2h.store import footer, limits
from l2h.store.cells import CELL_KEY, Key, cell_writer, iter_cells
from l2h.store.files import atomic
from l2h.store.sealing import sealed, to_json, unsealed
from l2h.store.tables import CURE, open_table, read_table, write_table

if TYPE_CHECKING:
    import pandas as pd

NEAR_COPIES = pa.schema(
    [
        ("query_id", pa.int64()),
        ("id", pa.int64()),
        ("query_location", pa.string()),
        ("location", pa.string()),
        ("similarity", pa.float64()),
        ("flipped", pa.bool_()),
    ]
)
QUERIES = pa.schema(  # besides a cell's key
    [
        ("query_id", pa.int64()),
        ("average_precision", pa.float64()),
        ("average_precision_unseen", pa.float64()),
    ]
)
METRICS = pa.schema(  # besides a cell's key
    [
        ("metric", pa.string()),
        ("k", pa.int64()),
        ("ties", pa.string()),
        ("normalise", pa.string()),
        ("value", pa.float64()),
    ]
)
COSTS = pa.schema(
    [
        *CELL_KEY.items(),
        ("quantity", pa.string()),
        ("unit", pa.string()),
        ("value", pa.float64()),
        ("repeats", pa.int64()),
        ("items", pa.int64()),
        ("disturbed", pa.bool_()),
        ("threads", pa.int64()),
        ("hardware", pa.string()),
    ]
)
AUDIT = pa.schema(
    [
        *CELL_KEY.items(),
        ("mistake", pa.string()),
        ("printed", pa.float64()),
        ("right", pa.float64()),
        ("queries", pa.int64()),
    ]
)
GALLERY = {"dataset", "protocol", "backbone", "judge", "queries", "labels", "codes", "near_copies", "images"}


def write_metrics(path: str | Path, cells: Iterable[tuple[Key, list[dict[str, Any]]]], not_run: Sequence[Key]) -> None:
    """Write tidy metrics of a setting's cells: each cell's key, and one dict a row with the columns of METRICS."""
    with cell_writer(path, not_run, METRICS) as add:
        for key, rows in cells:
            add(key, pa.Table.from_pylist(rows, schema=METRICS))


def iter_metrics(path: str | Path) -> Iterator[tuple[dict[str, Any], pa.Table]]:
    """Read what `write_metrics` wrote: each cell's key, and its rows with the key's columns."""
    return iter_cells(path, METRICS, "metrics", nullable=METRICS.names)


def write_rows(path: str | Path, rows: list[dict[str, Any]], schema: pa.Schema) -> None:
    """Write rows, dicts with the columns of the schema COSTS, AUDIT or NEAR_COPIES."""
    write_table(path, pa.Table.from_pylist(rows, schema=schema), schema, {})


def read_rows(path: str | Path, schema: pa.Schema) -> pa.Table:
    """Read what `write_rows` wrote."""
    kinds = ((COSTS, "costs"), (AUDIT, "audit"), (NEAR_COPIES, "near copies"))
    kind = next(kind for known, kind in kinds if known is schema)
    return read_table(path, schema, kind, nullable=schema is not NEAR_COPIES)


def write_queries(path: str | Path, cells: Iterable[tuple[Key, Mapping[str, NDArray]]], not_run: Sequence[Key]) -> None:
    """Write average precisions of a setting's cells: each cell's key, and the columns of QUERIES, each (Q,)."""
    with cell_writer(path, not_run, QUERIES) as add:
        for key, columns in cells:
            add(key, pa.table(dict(columns)))


def iter_queries(path: str | Path) -> Iterator[tuple[dict[str, Any], pa.Table]]:
    """Read what `write_queries` wrote: each cell's key, and its queries."""
    return iter_cells(path, QUERIES, "queries")


def write_frame(path: str | Path, frame: "pd.DataFrame") -> None:
    """Write a table for other programs, with all its columns."""
    with atomic(path) as part:
        frame.to_parquet(part, index=False, write_page_checksum=True)
        footer.seal(part)


def read_frame(path: str | Path) -> "pd.DataFrame":
    """Read what `write_frame` wrote."""
    with open_table(path) as file:
        limits.require_table(file.metadata, path)
        text = limits.text_columns(file.schema)
    with open_table(path, text=text) as file:
        limits.require_text(file.read(), path)
    with open_table(path) as file:
        try:
            return file.read().to_pandas()
        except (AttributeError, KeyError, TypeError) as error:  # the pandas metadata may be invalid
            raise L2HError(f"{path} is not a table written by pandas ({line(error)}); {CURE}") from error


def write_gallery(path: str | Path, gallery: Mapping[str, Any]) -> None:
    """Write a setting's gallery, from `l2h.report.gallery.gallery`, images included, as JSON."""
    with atomic(path) as part:
        part.write_text(to_json(sealed(gallery)), encoding="utf-8")


def read_gallery(path: str | Path) -> dict[str, Any]:
    """Read what `write_gallery` wrote."""
    try:
        gallery = limits.read_json(Path(path))
    except (OSError, ValueError) as error:
        raise L2HError(f"{path} is damaged or cut short ({line(error)}); {CURE}") from error
    if not gallery.keys() >= GALLERY:
        raise L2HError(f"{path} is not a gallery: it lacks some of {', '.join(sorted(GALLERY))}; {CURE}")
    return unsealed(gallery, path)
