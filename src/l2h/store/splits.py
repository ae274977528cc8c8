"""Splits of a dataset."""

from pathlib import Path

import pyarrow as pa

from l2h.errors import L2HError
from l2h.splits import Split
from l2h.store.tables import CURE, LABELS, count_of, metadata_of, read_table, require_labels, write_table

SPLIT = pa.schema(
    [
        ("id", pa.int64()),
        ("role", pa.string()),
        ("image_sha256", pa.binary(32)),
        ("labels", LABELS),
    ]
)


def write_split(path: str | Path, split: Split) -> None:
    """Write a split with its protocol, seed and sha256."""
    metadata = {"protocol": split.protocol, "seed": str(split.seed), "sha256": split.sha256}
    if split.neighbours:
        metadata["neighbours"] = str(split.neighbours)
    write_table(path, split.table, SPLIT, metadata)


def read_split(path: str | Path, cure: str = CURE) -> Split:
    """Read a split; raises L2HError if its rows do not match its sha256."""
    table = read_table(path, SPLIT, "split", cure)
    metadata = metadata_of(table.schema, path, "protocol", "seed", "sha256", cure=cure)
    require_labels(table, path, cure)
    seed, neighbours = count_of(metadata, "seed", path), count_of({"neighbours": "0", **metadata}, "neighbours", path)
    split = Split(table.replace_schema_metadata(None), metadata["protocol"], seed, neighbours)
    if split.sha256 != metadata["sha256"]:
        raise L2HError(f"{path}: its rows do not match its sha256; {cure}")
    return split
