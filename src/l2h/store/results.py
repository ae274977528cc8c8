"""Tables of results: metrics, average precisions, costs, audits, comparisons, and the gallery."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from numpy.typing import NDArray

from l2h import footer, limits
from l2h.errors import L2HError, line
from l2h.store.files import atomic
from l2h.store.sealing import sealed, to_json, unsealed
from l2h.store.tables import CURE, count_of, metadata_of, open_table, read_table, write_table

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
QUERIES = pa.schema(
    [
        ("query_id", pa.int64()),
        ("average_precision", pa.float64()),
        ("average_precision_unseen", pa.float64()),
    ]
)
# What names a cell of the comparison; metadata of its codes and histograms, columns of its tables.
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
METRICS = pa.schema(
    [
        *CELL_KEY.items(),
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
LOOK = {"dataset", "protocol", "backbone", "judge", "queries", "labels", "codes", "near_copies", "images"}


def cell_key(metadata: Mapping[str, str], path: str | Path = "a table") -> dict[str, Any]:
    """The columns of CELL_KEY from a file's metadata, in their types; raises L2HError, naming the file."""
    return {
        name: count_of(metadata, name, path) if kind == pa.int64() else metadata[name]
        for name, kind in CELL_KEY.items()
    }


def write_metrics(path: str | Path, rows: list[dict[str, Any]]) -> None:
    """Write tidy metrics, one dict a row with the columns of METRICS."""
    write_table(path, pa.Table.from_pylist(rows, schema=METRICS), METRICS, {})


def read_metrics(path: str | Path) -> pa.Table:
    """Read what `write_metrics` wrote."""
    return read_table(path, METRICS, "metrics", nullable=True)


def write_rows(path: str | Path, rows: list[dict[str, Any]], schema: pa.Schema) -> None:
    """Write rows, one dict each with the columns of the schema: COSTS, AUDIT or NEAR_COPIES."""
    write_table(path, pa.Table.from_pylist(rows, schema=schema), schema, {})


def read_rows(path: str | Path, schema: pa.Schema) -> pa.Table:
    """Read what `write_rows` wrote."""
    kinds = ((COSTS, "costs"), (AUDIT, "audit"), (NEAR_COPIES, "near copies"))
    kind = next(kind for known, kind in kinds if known is schema)
    return read_table(path, schema, kind, nullable=schema is not NEAR_COPIES)


def write_queries(path: str | Path, columns: Mapping[str, NDArray], metadata: Mapping[str, str]) -> None:
    """Write one cell's figures of each query, the columns of QUERIES, each of shape (Q,)."""
    write_table(path, pa.table(dict(columns)), QUERIES, metadata)


def read_queries(path: str | Path) -> tuple[pa.Table, dict[str, Any]]:
    """Read what `write_queries` wrote, and the cell's key."""
    table = read_table(path, QUERIES, "queries")
    return table, cell_key(metadata_of(table.schema, path, *CELL_KEY), path)


def write_frame(path: str | Path, frame: "pd.DataFrame") -> None:
    """Write a table for other programs to read, with the columns that it has."""
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
        except (AttributeError, KeyError, TypeError) as error:  # what pandas notes of itself may be made up
            raise L2HError(f"{path} is no table that pandas wrote ({line(error)}); {CURE}") from error


def write_look(path: str | Path, look: Mapping[str, Any]) -> None:
    """Write what there is to look at in one place, pictures included, as JSON."""
    with atomic(path) as part:
        part.write_text(to_json(sealed(look)), encoding="utf-8")


def read_look(path: str | Path) -> dict[str, Any]:
    """Read what `write_look` wrote."""
    try:
        look = limits.read_json(Path(path))
    except (OSError, ValueError) as error:
        raise L2HError(f"{path} is damaged or cut short ({line(error)}); {CURE}") from error
    if not look.keys() >= LOOK:
        raise L2HError(f"{path} is no file of things to look at: it lacks some of {', '.join(sorted(LOOK))}; {CURE}")
    return unsealed(look, path)
