"""A dataset's manifest, and the record of its source files."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow as pa

from l2h.errors import L2HError
from l2h.notes import Note
from l2h.store.tables import CURE, LABELS, metadata_of, read_metadata, read_table, require_labels, write_table

MAX_LABEL = 2**31 - 1
MANIFEST = pa.schema(
    [
        ("id", pa.int64()),
        ("image_sha256", pa.binary(32)),
        ("labels", LABELS),
        ("location", pa.string()),
        ("roles", pa.list_(pa.string())),
    ]
)
FOLLOWED = pa.schema(
    [
        ("path", pa.string()),
        ("size", pa.int64()),
        ("mtime_ns", pa.int64()),
        ("sha256", pa.binary(32)),
    ]
)


def write_manifest(
    path: str | Path,
    image_sha256: Sequence[bytes],
    labels: Sequence[Sequence[int]],
    locations: Sequence[str],
    roles: Sequence[Sequence[str]] | None = None,
    classes: Sequence[str] = (),
    notes: Sequence[Note] = (),
) -> None:
    """Write a dataset's manifest; ids are row numbers.

    Parameters
    ----------
    image_sha256 : of each image's bytes
    labels : numbers from 0 to MAX_LABEL
    locations : in the image store, `images.npy[<row>]` or `root/<path>`
    roles : those that the dataset's own lists give; omit them if a protocol assigns the roles
    classes : names of the labels, in their order; omit them if labels have only numbers
    notes : what was left out or converted

    Raises
    ------
    L2HError
        a label is above MAX_LABEL
    """
    highest = max((label for some in labels for label in some), default=0)
    if highest > MAX_LABEL:
        raise L2HError(f"{path}: the label {highest} is above the maximum of {MAX_LABEL}; number the labels from 0")
    columns = {
        "id": range(len(locations)),
        "image_sha256": image_sha256,
        "labels": labels,
        "location": locations,
        "roles": [()] * len(locations) if roles is None else roles,
    }
    table = pa.table({name: pa.array(columns[name], MANIFEST.field(name).type) for name in MANIFEST.names})
    metadata = {"classes": list(classes), "notes": [asdict(note) for note in notes]}
    write_table(path, table, MANIFEST, {name: json.dumps(value) for name, value in metadata.items() if value})


def read_manifest(path: str | Path, cure: str = CURE) -> pa.Table:
    """Read what `write_manifest` wrote."""
    table = read_table(path, MANIFEST, "manifest", cure)
    require_labels(table, path, cure)
    return table


def read_classes(path: str | Path) -> list[str]:
    """Names of a manifest's labels, in their order; empty if the manifest has none."""
    try:
        names = json.loads(read_metadata(path).get("classes", "[]"))
    except (ValueError, RecursionError):
        names = None
    if not isinstance(names, list) or not _are_texts(names):
        raise L2HError(f"{path} has invalid classes, not a list of names; {CURE}")
    return names


def read_notes(path: str | Path) -> list[Note]:
    """What was left out or converted when a manifest's dataset was created; empty if the manifest has no notes."""
    try:
        rows = json.loads(read_metadata(path).get("notes", "[]"))
    except (ValueError, RecursionError):
        rows = None
    if not isinstance(rows, list) or not all(map(_is_note, rows)):
        raise L2HError(f"{path} has invalid notes; {CURE}")
    return [Note(**row) for row in rows]


def _is_note(row: Any) -> bool:
    kinds = {"what": str, "count": int, "examples": list, "more": bool}
    if not isinstance(row, dict) or {name: type(value) for name, value in row.items()} != kinds:
        return False
    return row["count"] >= 0 and _are_texts(row["examples"])


def _are_texts(values: list[Any]) -> bool:
    return all(isinstance(value, str) for value in values)


def write_followed(path: str | Path, state: str, files: Mapping[str, tuple[int, int, bytes]]) -> None:
    """Write the record of a dataset's source files: bytes, modification time in nanoseconds and sha256, by path."""
    columns = zip(*((name, *seen) for name, seen in files.items()), strict=True) if files else ((),) * len(FOLLOWED)
    arrays = [pa.array(column, kind) for column, kind in zip(columns, FOLLOWED.types, strict=True)]
    write_table(path, pa.table(arrays, schema=FOLLOWED), FOLLOWED, {"state": state})


def read_followed(path: str | Path) -> tuple[str, dict[str, tuple[int, int, bytes]]]:
    """Read the state and the files that `write_followed` wrote."""
    table = read_table(path, FOLLOWED, "record of files")
    names, *seen = (column.to_pylist() for column in table.columns)
    return metadata_of(table.schema, path, "state")["state"], dict(zip(names, zip(*seen, strict=True), strict=True))
