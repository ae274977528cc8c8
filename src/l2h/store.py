"""Every file format in one place: written atomically, read with checks that end in one clear line.

Tables are parquet with page checksums and a sealed footer; what belongs to a whole table (which data, which weights) is
its metadata, a flat mapping of strings.
"""

import errno
import hashlib
import json
import logging
import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from l2h import footer, limits
from l2h.errors import L2HError, line
from l2h.notes import Note

# A job depends on what it imports: features must not be extracted anew when the ranking changes. So functions import
# what only they need.
if TYPE_CHECKING:
    import pandas as pd

    from l2h.ranking import RankedRelevance, RankHistogram
    from l2h.splits import Split

Ints = NDArray[np.int64]
Batch = tuple[Ints, NDArray]
Thumbnails = NDArray[np.uint8]

CURE = "delete it and run again"  # of files that a run wrote; readers of a user's own file are given another
# What files say, beside what they are, of the job that writes them: its rule, and the digests of its code as JSON.
# `l2h.job.start` fills it in; it is metadata of a table, and the entry "made_by" of JSON.
MADE_BY: dict[str, str] = {}

LABELS = pa.list_(pa.int32())
NARROW_LABELS = pa.list_(pa.int16())  # of files that version 0.1.0 wrote, released bundles among them; still read
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
SPLIT = pa.schema(
    [
        ("id", pa.int64()),
        ("role", pa.string()),
        ("image_sha256", pa.binary(32)),
        ("labels", LABELS),
    ]
)
SIDE = 16  # pixels of a grey thumbnail, in each direction
THUMBNAILS = pa.schema(
    [
        ("id", pa.int64()),
        ("image_sha256", pa.binary(32)),
        ("thumbnail", pa.binary(SIDE**2)),
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
HISTOGRAM = pa.schema(
    [
        ("query_id", pa.int64()),
        ("total", pa.list_(pa.int64())),
        ("relevant", pa.list_(pa.int64())),
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
FULL, LOCKED = {errno.ENOSPC, errno.EDQUOT}, {errno.EACCES, errno.EPERM, errno.EROFS}
NO_FOLDER = {errno.EEXIST, errno.ENOTDIR}
FULL_WORDS, LOCKED_WORDS = (
    re.compile("|".join(os.strerror(number) for number in numbers)) for numbers in (FULL, LOCKED)
)
FULL_BELOW = 2**20  # bytes
# Log a warning if this share of the features that are not 0 becomes 0 in float16. A few are harmless. From 1% on,
# typical values lie near 3e-6 or below, where float16 keeps half of its digits or fewer.
LOST = 0.01
LOOK = {"dataset", "protocol", "backbone", "judge", "queries", "labels", "codes", "near_copies", "images"}
TIDY = (METRICS, COSTS, AUDIT)  # whose rows leave out what they do not have; all other tables have every value


@contextmanager
def atomic(path: str | Path) -> Iterator[Path]:
    """Yield a path beside `path` to write to; it takes the place of `path`, file or folder, on success only.

    Raises
    ------
    L2HError
        the disk is full, the folder cannot be written to, or a file is in its place
    """
    path = Path(path)
    part = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove(part)
        yield part
        if part.is_dir():
            _remove(path)
        part.replace(path)
    except BaseException as error:
        reason = _why_not_written(error, part)
        with suppress(OSError):  # a folder that cannot be written to; the error that is under way says so
            _remove(part)
        if reason:
            raise L2HError(f"{path} cannot be written: {reason}, and run the same command again") from error
        raise


def _why_not_written(error: BaseException, part: Path) -> str | None:
    """What is wrong with the disk, and the cure; None where it is something else."""
    if isinstance(error, L2HError) or not isinstance(error, Exception):
        return None
    # libraries hand the system's error on as words, or swallow it: an array is "2048 requested and 512 written"
    number, words = getattr(error, "errno", None), str(error)
    home = next(place for place in part.parents if place.is_dir())
    concerned = getattr(error, "filename", None)
    if concerned is not None and home not in Path(concerned).parents:
        return None  # a file that was read
    free = shutil.disk_usage(home).free
    if number in FULL or FULL_WORDS.search(words) or (isinstance(error, OSError) and not number and free < FULL_BELOW):
        return f"there is no room left in {home} ({free >> 20} MiB are free); make room"
    blocking = next((place for place in part.parents if place.exists() and not place.is_dir()), None)
    if number in NO_FOLDER and blocking:
        return f"{blocking} is a file and not a folder; move it away"
    if number in LOCKED or LOCKED_WORDS.search(words):
        return f"{home} does not allow it ({line(error)}); make it writable"
    return None


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def write_checksum(path: str | Path, checksum_path: str | Path) -> None:
    """Write a file's sha256 to another file, in the format of `sha256sum`."""
    with Path(path).open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    with atomic(checksum_path) as part:
        part.write_text(f"{digest}  {Path(path).name}\n", encoding="utf-8")


def write_manifest(
    path: str | Path,
    image_sha256: Sequence[bytes],
    labels: Sequence[Sequence[int]],
    locations: Sequence[str],
    roles: Sequence[Sequence[str]] | None = None,
    classes: Sequence[str] = (),
    notes: Sequence[Note] = (),
) -> None:
    """Write a data set's images; ids are row numbers.

    Parameters
    ----------
    image_sha256 : of each image's bytes
    labels : numbers from 0 to MAX_LABEL
    locations : in the image store, `images.npy[<row>]` or `root/<path>`
    roles : those that the data set's own lists give; left out where a protocol deals them out
    classes : what the labels are called, in their order; left out where numbers are all there is
    notes : what was left out or converted

    Raises
    ------
    L2HError
        a label is above MAX_LABEL
    """
    highest = max((label for some in labels for label in some), default=0)
    if highest > MAX_LABEL:
        raise L2HError(f"{path}: the label {highest} is above {MAX_LABEL}, the highest that fits; number labels from 0")
    columns = {
        "id": range(len(locations)),
        "image_sha256": image_sha256,
        "labels": labels,
        "location": locations,
        "roles": [()] * len(locations) if roles is None else roles,
    }
    table = pa.table({name: pa.array(columns[name], MANIFEST.field(name).type) for name in MANIFEST.names})
    metadata = {"classes": list(classes), "notes": [asdict(note) for note in notes]}
    _write_table(path, table, MANIFEST, {name: json.dumps(value) for name, value in metadata.items() if value})


def read_manifest(path: str | Path, cure: str = CURE) -> pa.Table:
    """Read what `write_manifest` wrote."""
    table = _read_table(path, MANIFEST, "manifest", cure)
    _require_labels(table, path, cure)
    return table


def read_classes(path: str | Path) -> list[str]:
    """What a manifest's labels are called, in their order; empty where it does not say."""
    try:
        names = json.loads(read_metadata(path).get("classes", "[]"))
    except (ValueError, RecursionError):
        names = None
    if not isinstance(names, list) or not _are_texts(names):
        raise L2HError(f"{path} has classes that are no list of names; {CURE}")
    return names


def read_notes(path: str | Path) -> list[Note]:
    """What was left out or converted when a manifest's data set was made; empty where it does not say."""
    try:
        rows = json.loads(read_metadata(path).get("notes", "[]"))
    except (ValueError, RecursionError):
        rows = None
    if not isinstance(rows, list) or not all(map(_is_note, rows)):
        raise L2HError(f"{path} has notes that are not as l2h writes them; {CURE}")
    return [Note(**row) for row in rows]


def _is_note(row: Any) -> bool:
    kinds = {"what": str, "count": int, "examples": list, "more": bool}
    if not isinstance(row, dict) or {name: type(value) for name, value in row.items()} != kinds:
        return False
    return row["count"] >= 0 and _are_texts(row["examples"])


def _are_texts(values: list[Any]) -> bool:
    return all(isinstance(value, str) for value in values)


def write_thumbnails(path: str | Path, manifest: pa.Table, thumbnails: Iterable[Thumbnails]) -> None:
    """Write the grey thumbnails, uint8 (SIDE, SIDE) each, of a manifest's images, in its order."""
    column = _fixed_binary(np.stack(list(thumbnails)).reshape(-1, SIDE**2))
    table = manifest.select(["id", "image_sha256"]).append_column("thumbnail", column)
    _write_table(path, table, THUMBNAILS, {})


def read_thumbnails(path: str | Path, manifest: pa.Table, cure: str = CURE) -> Thumbnails:
    """Read the thumbnails, uint8 (n, SIDE, SIDE), of a manifest's images; raises L2HError if they are of others."""
    table = _read_table(path, THUMBNAILS, "thumbnails", cure)
    if any(table[name] != manifest[name] for name in ("id", "image_sha256")):
        raise L2HError(f"{path} is of other images, by id or sha256, than the manifest; {cure}")
    return _bytes(table["thumbnail"].combine_chunks()).reshape(-1, SIDE, SIDE)


def write_followed(path: str | Path, state: str, files: Mapping[str, tuple[int, int, bytes]]) -> None:
    """Write the files that a data set was made of: bytes, modification time in nanoseconds and sha256, by path."""
    columns = zip(*((name, *seen) for name, seen in files.items()), strict=True) if files else ((),) * len(FOLLOWED)
    arrays = [pa.array(column, kind) for column, kind in zip(columns, FOLLOWED.types, strict=True)]
    _write_table(path, pa.table(arrays, schema=FOLLOWED), FOLLOWED, {"state": state})


def read_followed(path: str | Path) -> tuple[str, dict[str, tuple[int, int, bytes]]]:
    """Read the state and the files that `write_followed` wrote."""
    table = _read_table(path, FOLLOWED, "record of files")
    names, *seen = (column.to_pylist() for column in table.columns)
    return _metadata(table.schema, path, "state")["state"], dict(zip(names, zip(*seen, strict=True), strict=True))


def write_split(path: str | Path, split: "Split") -> None:
    """Write a split with its protocol, seed and sha256."""
    metadata = {"protocol": split.protocol, "seed": str(split.seed), "sha256": split.sha256}
    _write_table(path, split.table, SPLIT, metadata)


def read_split(path: str | Path, cure: str = CURE) -> "Split":
    """Read a split; raises L2HError, which names the cure, where its rows do not give the sha256 that it carries."""
    from l2h.splits import Split

    table = _read_table(path, SPLIT, "split", cure)
    metadata = _metadata(table.schema, path, "protocol", "seed", "sha256", cure=cure)
    _require_labels(table, path, cure)
    split = Split(table.replace_schema_metadata(None), metadata["protocol"], _count(metadata, "seed", path))
    if split.sha256 != metadata["sha256"]:
        raise L2HError(f"{path}: its rows do not match its sha256; {cure}")
    return split


def write_features(path: str | Path, batches: Iterable[Batch], dtype: str, metadata: Mapping[str, str]) -> None:
    """Stream features to parquet, a row group a batch, so that memory does not grow with the data.

    Parameters
    ----------
    batches : pairs of ids, int64 (m,), and features, float (m, d)
    dtype : "float32" or "float16", the stored type
    metadata : what made them: dataset, backbone, weights, ...

    Raises
    ------
    L2HError
        a feature is not finite, or all features of an image become 0; the line names the images
    """
    known = lost = 0

    def columns() -> Iterator[tuple[Ints, pa.Array]]:
        nonlocal known, lost
        for ids, features in batches:
            stored = narrowed(ids, features, dtype, path)
            known += int(np.count_nonzero(features))
            lost += int(np.count_nonzero(features) - np.count_nonzero(stored))
            yield ids, pa.FixedSizeListArray.from_arrays(pa.array(stored.ravel()), stored.shape[1])

    _write_batches(path, columns(), "feature", metadata)
    if lost >= LOST * known > 0:
        logging.getLogger("l2h").warning(
            "%s: %.0f%% of the features that are not 0 are too small for %s and become 0; set dtype: float32",
            path,
            100 * lost / known,
            dtype,
        )


def narrowed(ids: Ints, features: NDArray, dtype: str, what: str | Path) -> NDArray:
    """Features (m, d) of these ids, int64 (m,), in the type that they are stored in.

    Raises
    ------
    L2HError
        a feature is not finite, or all features of an image become 0; the line begins with `what`
    """
    with np.errstate(over="ignore"):  # reported below, with the images' ids
        stored = np.ascontiguousarray(features, dtype=dtype)
    finite = np.isfinite(stored).all(axis=1)
    vanished = features.any(axis=1) & ~stored.any(axis=1)
    for bad, fault in ((~finite, "not finite"), (vanished, "too small and all become 0")):
        if bad.any():
            raise L2HError(
                f"{what}: features of {bad.sum()} images are {fault} in {dtype} (ids {ids[bad][:5].tolist()} ...); "
                "check the weights, or set dtype: float32 and precision: fp32"
            )
    return stored


def iter_features(path: str | Path) -> Iterator[Batch]:
    """Yield (ids int64 (m,), features float32 (m, d)) a row group."""
    for ids, stored in _iter_stored(path):
        yield ids, stored.astype(np.float32, copy=False)


def read_features(path: str | Path, ids: Ints) -> NDArray[np.float32]:
    """The features (len(ids), d) of these ids, in their order; only they are held in memory."""
    return _gather(path, _iter_stored(path), ids, "features").astype(np.float32, copy=False)


def _iter_stored(path: str | Path) -> Iterator[Batch]:
    """Features in the type that they are stored in: to widen float16 takes nearly as long as to read it."""

    def is_feature(kind: pa.DataType) -> bool:
        return pa.types.is_fixed_size_list(kind) and kind.value_type in (pa.float16(), pa.float32())

    for ids, column in _iter_batches(path, "feature", is_feature, "features"):
        values = column.flatten().to_numpy(zero_copy_only=False)
        yield ids, values.reshape(len(ids), -1)


def write_codes(path: str | Path, batches: Iterable[Batch], metadata: Mapping[str, str]) -> None:
    """Stream packed codes, pairs of int64 (m,) ids and uint8 (m, bytes), to parquet; `metadata` names the bits."""
    _write_batches(path, ((ids, _fixed_binary(packed)) for ids, packed in batches), "code", metadata)


def read_codes(path: str | Path, ids: Ints) -> NDArray[np.uint8]:
    """The packed codes, uint8 (len(ids), ceil(bits / 8)), of these ids, in their order.

    Only they are held in memory; of row groups that hold none of them, the ids alone are read.
    """
    from l2h import codes

    width = codes.n_bytes(_bits(read_metadata(path, "bits"), path))

    def batches() -> Iterator[Batch]:
        for some_ids, part in _iter_batches(path, "code", lambda kind: kind == pa.binary(width), "codes", wanted=ids):
            yield some_ids, _bytes(part)

    return _gather(path, batches(), ids, "codes")


def read_bare_codes(path: str | Path, bits: int, cure: str = CURE) -> tuple[Ints, NDArray[np.uint8]]:
    """Read ids and packed codes where it is known from elsewhere, and not from metadata, how long they are."""
    from l2h import codes

    width = codes.n_bytes(bits)
    what = f"codes of {bits} bits (id int64, code fixed_size_binary[{width}])"
    parts = list(_iter_batches(path, "code", lambda kind: kind == pa.binary(width), what, cure))
    if not any(len(ids) for ids, _ in parts):
        raise L2HError(f"{path} has no rows; {cure}")
    ids = np.concatenate([ids for ids, _ in parts])
    return ids, np.concatenate([_bytes(part) for _, part in parts])


def write_histogram(path: str | Path, query_ids: Ints, h: "RankHistogram", metadata: Mapping[str, str]) -> None:
    """Write one rank histogram; query_ids: int64 (Q,)."""
    columns = [pa.array(query_ids), *(_lists(table) for table in (h.total, h.relevant))]
    _write_table(path, pa.table(columns, schema=HISTOGRAM), HISTOGRAM, {**metadata, "queries": h.queries})


def read_histogram(path: str | Path) -> tuple[Ints, "RankHistogram", dict[str, str]]:
    """Read query ids int64 (Q,), the histogram, and the metadata."""
    from l2h.ranking import RankHistogram

    table = _read_table(path, HISTOGRAM, "histogram")
    metadata = _metadata(table.schema, path, "queries", "bits")
    width = _bits(metadata, path) + 1
    try:
        total, relevant = (_table(table[name], width) for name in ("total", "relevant"))
        h = RankHistogram(total, relevant, metadata["queries"])
    except ValueError as error:
        raise L2HError(f"{path} is no rank histogram of {width - 1} bits: {error}; delete it and run again") from error
    return table["query_id"].to_numpy(), h, metadata


def write_relevance(path: str | Path, query_ids: Ints, h: "RankedRelevance", metadata: Mapping[str, str]) -> None:
    """Write one ranking by scores; query_ids: int64 (Q,)."""
    schema = _relevance_schema(h.relevant.shape[1])
    columns = [pa.array(query_ids), _fixed_binary(h.relevant), _fixed_binary(h.tied)]
    _write_table(path, pa.table(columns, schema=schema), schema, {**metadata, "items": str(h.items)})


def read_relevance(path: str | Path) -> tuple[Ints, "RankedRelevance", dict[str, str]]:
    """Read query ids int64 (Q,), the ranking, and the metadata."""
    from l2h.ranking import RankedRelevance

    metadata = read_metadata(path, "items", "bits")
    items = _count(metadata, "items", path)
    table = _read_table(path, _relevance_schema(-(-items // 8)), "relevance")
    relevant, tied = (_bytes(table[name].combine_chunks()) for name in ("relevant", "tied"))
    try:
        h = RankedRelevance(relevant, tied, items)
    except ValueError as error:
        raise L2HError(f"{path} is no ranking of {items} items: {error}; {CURE}") from error
    return table["query_id"].to_numpy(), h, metadata


def read_ranking(path: str | Path) -> tuple[Ints, "RankHistogram | RankedRelevance", dict[str, str]]:
    """Read what `write_histogram` or `write_relevance` wrote."""
    return read_relevance(path) if "items" in read_metadata(path) else read_histogram(path)


def weights_name(path: str | Path) -> str:
    """What tables call the weights that features were made with: their source, and the first digits of their sha256."""
    return weights_label(read_metadata(path, "weights", "weights_sha256"))


def weights_label(metadata: Mapping[str, str]) -> str:
    """The same from the two values themselves."""
    return f"{metadata['weights']}@{metadata['weights_sha256'][:12]}"


def feature_bits(path: str | Path) -> int:
    """What one image's features take in a file, in bits."""
    with _open(path) as file:
        kind = file.schema_arrow.field("feature").type
        return kind.list_size * kind.value_type.bit_width


def cell_key(metadata: Mapping[str, str], path: str | Path = "a table") -> dict[str, Any]:
    """The columns of CELL_KEY from a file's metadata, in their types; raises L2HError, naming the file."""
    return {
        name: _count(metadata, name, path) if kind == pa.int64() else metadata[name] for name, kind in CELL_KEY.items()
    }


def write_metrics(path: str | Path, rows: list[dict[str, Any]]) -> None:
    """Write tidy metrics, one dict a row with the columns of METRICS."""
    _write_table(path, pa.Table.from_pylist(rows, schema=METRICS), METRICS, {})


def read_metrics(path: str | Path) -> pa.Table:
    """Read what `write_metrics` wrote."""
    return _read_table(path, METRICS, "metrics")


def write_rows(path: str | Path, rows: list[dict[str, Any]], schema: pa.Schema) -> None:
    """Write rows, one dict each with the columns of the schema: COSTS, AUDIT or NEAR_COPIES."""
    _write_table(path, pa.Table.from_pylist(rows, schema=schema), schema, {})


def read_rows(path: str | Path, schema: pa.Schema) -> pa.Table:
    """Read what `write_rows` wrote."""
    kinds = ((COSTS, "costs"), (AUDIT, "audit"), (NEAR_COPIES, "near copies"))
    return _read_table(path, schema, next(kind for known, kind in kinds if known is schema))


def write_queries(path: str | Path, columns: Mapping[str, NDArray], metadata: Mapping[str, str]) -> None:
    """Write one cell's figures of each query, the columns of QUERIES, each of shape (Q,)."""
    _write_table(path, pa.table(dict(columns)), QUERIES, metadata)


def read_queries(path: str | Path) -> tuple[pa.Table, dict[str, Any]]:
    """Read what `write_queries` wrote, and the cell's key."""
    table = _read_table(path, QUERIES, "queries")
    return table, cell_key(_metadata(table.schema, path, *CELL_KEY), path)


def write_frame(path: str | Path, frame: "pd.DataFrame") -> None:
    """Write a table for other programs to read, with the columns that it has."""
    with atomic(path) as part:
        frame.to_parquet(part, index=False, write_page_checksum=True)
        footer.seal(part)


def read_frame(path: str | Path) -> "pd.DataFrame":
    """Read what `write_frame` wrote."""
    with _open(path) as file:
        limits.require_table(file.metadata, path)
        text = limits.text_columns(file.schema)
    with _open(path, text=text) as file:
        limits.require_text(file.read(), path)
    with _open(path) as file:
        try:
            return file.read().to_pandas()
        except (AttributeError, KeyError, TypeError) as error:  # what pandas notes of itself may be made up
            raise L2HError(f"{path} is no table that pandas wrote ({line(error)}); {CURE}") from error


def write_look(path: str | Path, look: Mapping[str, Any]) -> None:
    """Write what there is to look at in one place, pictures included, as JSON."""
    with atomic(path) as part:
        part.write_text(_json(sealed(look)), encoding="utf-8")


def read_look(path: str | Path) -> dict[str, Any]:
    """Read what `write_look` wrote."""
    try:
        look = limits.read_json(Path(path))
    except (OSError, ValueError) as error:
        raise L2HError(f"{path} is damaged or cut short ({line(error)}); {CURE}") from error
    if not look.keys() >= LOOK:
        raise L2HError(f"{path} is no file of things to look at: it lacks some of {', '.join(sorted(LOOK))}; {CURE}")
    return unsealed(look, path)


def write_model(folder: str | Path, description: Mapping[str, Any], arrays: Mapping[str, NDArray]) -> None:
    """Write a model folder: `model.json` (description) and `model.safetensors` (arrays). Never a pickle."""
    from safetensors.numpy import save_file

    with atomic(folder) as part:
        part.mkdir()
        (part / "model.json").write_text(_json(sealed(description, arrays)) + "\n", encoding="utf-8")
        whole = {name: np.asarray(array, order="C") for name, array in arrays.items()}  # a single number stays one
        save_file(whole, part / "model.safetensors")


def read_model(folder: str | Path) -> tuple[dict[str, Any], dict[str, NDArray]]:
    """Read a model folder's description and arrays; raises L2HError where either is missing or broken."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    description = read_description(folder)
    try:
        limits.require_plain(Path(folder) / "model.safetensors")
        arrays = load_file(Path(folder) / "model.safetensors")
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        raise L2HError(f"{folder} is no whole model ({line(error)}); delete it and run again") from error
    return unsealed(description, folder, arrays), arrays


def read_description(folder: str | Path) -> dict[str, Any]:
    """Read a model folder's description alone; whether it is the one that was written is not known without arrays."""
    try:
        return limits.read_json(Path(folder) / "model.json")
    except (OSError, ValueError) as error:
        raise L2HError(f"{folder} is no whole model ({line(error)}); delete it and run again") from error


def sealed(content: Mapping[str, Any], arrays: Mapping[str, NDArray] = {}) -> dict[str, Any]:
    """What goes into a JSON file: the content, what made it, and the sha256 of both and of the arrays beside it."""
    told = json.loads(_json({**content, "made_by": MADE_BY}))  # as a reader will have it, whatever its keys were
    told.pop("sha256", None)
    return {**told, "sha256": _digest(told, arrays)}


def unsealed(
    content: Mapping[str, Any],
    path: str | Path,
    arrays: Mapping[str, NDArray] = {},
    cure: str = CURE,
) -> dict[str, Any]:
    """What `sealed` was given and what made it; L2HError where the sha256 is another. Without one, anything passes."""
    told = dict(content)
    sha256 = told.pop("sha256", None)
    try:
        whole = sha256 is None or sha256 == _digest(told, arrays)
    except ValueError:  # numbers that JSON does not have, which were not written
        whole = False
    if not whole:
        raise L2HError(f"{path} is damaged: its content does not match its sha256; {cure}")
    return told


def write_checkpoint(path: str | Path, description: Mapping[str, Any], arrays: Mapping[str, NDArray]) -> None:
    """Write a training's state as one safetensors file; the description, with the arrays' digest, is in its header."""
    from safetensors.numpy import save_file

    whole = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    metadata = {"description": _json(description), "sha256": _digest(description, whole)}
    with atomic(path) as part:
        save_file(whole, part, metadata)


def read_checkpoint(path: str | Path) -> tuple[dict[str, Any], dict[str, NDArray]]:
    """Read what `write_checkpoint` wrote; raises L2HError unless it is there to the last bit."""
    from safetensors import SafetensorError, safe_open

    try:
        limits.require_plain(path)
        with safe_open(path, framework="np") as file:
            metadata = file.metadata() or {}
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
        description = json.loads(metadata["description"])
        whole = metadata["sha256"] == _digest(description, arrays)
    except (OSError, ValueError, KeyError, TypeError, RecursionError, SafetensorError) as error:
        raise L2HError(f"{path} is no whole checkpoint ({line(error)})") from error
    if not whole:
        raise L2HError(f"{path} is damaged: its content does not match its sha256")
    return description, arrays


def read_metadata(path: str | Path, *required: str, cure: str = CURE) -> dict[str, str]:
    """A parquet file's own metadata, without its rows."""
    with _open(path, cure) as file:
        return _metadata(file.schema_arrow, path, *required, cure=cure)


def write_metadata(path: str | Path, metadata: Mapping[str, str]) -> None:
    """Write a parquet file of metadata alone, without columns."""
    _write_table(path, pa.table({}), pa.schema([]), metadata)


def _write_table(path: str | Path, table: pa.Table, schema: pa.Schema, metadata: Mapping[str, str]) -> None:
    with atomic(path) as part:
        table = table.cast(schema).replace_schema_metadata({**metadata, **MADE_BY})
        pq.write_table(table, part, compression="zstd", write_page_checksum=True)
        footer.seal(part)


def _read_table(path: str | Path, schema: pa.Schema, kind: str, cure: str = CURE) -> pa.Table:
    with _open(path, cure) as file:
        if not _widened(file.schema_arrow).equals(schema, check_metadata=False):
            raise L2HError(f"{path} is no {kind} file: its columns are {', '.join(file.schema_arrow.names)}; {cure}")
        limits.require_table(file.metadata, path)
        text = limits.text_columns(file.schema)
    with _open(path, cure, text) as file:
        table = file.read()
        limits.require_text(table, path)
        table = table.cast(schema.with_metadata(table.schema.metadata))
    for name in table.column_names:
        if not any(schema is tidy for tidy in TIDY) and _lacks(table[name]):
            raise L2HError(f"{path} lacks values in its column {name}; {cure}")
    return table


def _widened(schema: pa.Schema) -> pa.Schema:
    """A file's schema as it would be written today."""
    return pa.schema([field.with_type(LABELS) if field.type == NARROW_LABELS else field for field in schema])


def _lacks(column: pa.ChunkedArray) -> bool:
    """Whether there are nulls, also in lists."""
    return column.null_count > 0 or (pa.types.is_list(column.type) and pc.list_flatten(column).null_count > 0)


def _write_batches(
    path: str | Path, batches: Iterable[tuple[Ints, pa.Array]], name: str, metadata: Mapping[str, str]
) -> None:
    writer: pq.ParquetWriter | None = None
    with atomic(path) as part:
        try:
            for ids, column in batches:
                schema = pa.schema([("id", pa.int64()), (name, column.type)], metadata={**metadata, **MADE_BY})
                if writer is None:
                    # values hardly repeat: a dictionary makes the file larger and reading it twice as slow
                    writer = pq.ParquetWriter(
                        part, schema, compression="zstd", use_dictionary=False, write_page_checksum=True
                    )
                writer.write_table(pa.table([pa.array(ids), column], schema=schema))
        finally:
            if writer is not None:
                writer.close()
        if writer is None:
            raise L2HError(f"{path}: there is nothing to write; the data set is empty")
        footer.seal(part)


def _iter_batches(
    path: str | Path,
    name: str,
    fits: Callable[[pa.DataType], bool],
    what: str,
    cure: str = CURE,
    wanted: Ints | None = None,
) -> Iterator[tuple[Ints, pa.Array]]:
    """Yield ids and values a row group; where `wanted` ids are given, only of groups that hold some."""
    with _open(path, cure) as file:
        schema = file.schema_arrow
        if schema.names != ["id", name] or schema.field("id").type != pa.int64() or not fits(schema.field(name).type):
            raise L2HError(f"{path} is no file of {what}: its columns are {', '.join(map(str, schema))}; {cure}")
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


def _gather(path: str | Path, batches: Iterable[Batch], ids: Ints, what: str) -> NDArray:
    """The rows of these ids, in their order, from batches of ids and rows."""
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
def _open(path: str | Path, cure: str = CURE, text: Sequence[str] = ()) -> Iterator[pq.ParquetFile]:
    """Open a parquet file; what is found to be wrong with it while it is open is an L2HError."""
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
    except (pa.ArrowException, OSError, ValueError) as error:  # a ValueError is bytes that are no text
        raise L2HError(f"{path} is damaged or cut short ({line(error)}); {cure}") from error


def _require_labels(table: pa.Table, path: str | Path, cure: str) -> None:
    lowest = pc.min(pc.list_flatten(table["labels"])).as_py()
    if lowest is not None and lowest < 0:
        raise L2HError(f"{path} has the label {lowest}; labels count from 0: {cure}")


def _metadata(schema: pa.Schema, path: str | Path, *required: str, cure: str = CURE) -> dict[str, str]:
    try:
        metadata = {key.decode(): value.decode() for key, value in (schema.metadata or {}).items()}
    except UnicodeDecodeError as error:
        raise L2HError(f"{path} has metadata that is no text ({error}); {cure}") from error
    missing = [key for key in required if key not in metadata]
    if missing:
        raise L2HError(f"{path} lacks the metadata {', '.join(missing)}; {cure}")
    return metadata


def _bits(metadata: Mapping[str, str], path: str | Path) -> int:
    return _count(metadata, "bits", path)


def _count(metadata: Mapping[str, str], name: str, path: str | Path) -> int:
    if not re.fullmatch("[0-9]{1,10}", metadata[name]):
        raise L2HError(f"{path} says {metadata[name]!r} for its {name}; a whole number is expected")
    return int(metadata[name])


def _relevance_schema(width: int) -> pa.Schema:
    packed = pa.binary(width)
    return pa.schema([("query_id", pa.int64()), ("relevant", packed), ("tied", packed)])


def _bytes(column: pa.Array) -> NDArray[np.uint8]:
    """A column of fixed_size_binary[w] as uint8 (n, w)."""
    width = column.type.byte_width
    return np.frombuffer(column.buffers()[1], np.uint8, len(column) * width, column.offset * width).reshape(-1, width)


def _fixed_binary(packed: NDArray[np.uint8]) -> pa.Array:
    packed = np.ascontiguousarray(packed)
    return pa.FixedSizeBinaryArray.from_buffers(
        pa.binary(packed.shape[1]), len(packed), [None, pa.py_buffer(packed.tobytes())]
    )


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


def _json(description: Mapping[str, Any]) -> str:
    return json.dumps(description, indent=2, sort_keys=True, allow_nan=False, default=_plain)


def _digest(description: Mapping[str, Any], arrays: Mapping[str, NDArray]) -> str:
    digest = hashlib.sha256(_json(description).encode())
    for name in sorted(arrays):
        digest.update(f"{name} {arrays[name].dtype} {arrays[name].shape}\n".encode())
        digest.update(np.ascontiguousarray(arrays[name]).tobytes())
    return digest.hexdigest()


def _plain(value: Any) -> Any:
    """A numpy scalar as what JSON knows; anything else has no place in a description."""
    if isinstance(value, np.generic):
        return value.item()
    raise L2HError(f"a model cannot be saved with {value!r} among its parameters; give a number or a name")
