"""Features, streamed in row groups."""

import logging
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from l2h.errors import L2HError
from l2h.store.tables import Batch, Ints, gather, iter_batches, open_table, read_metadata, write_batches

# Log a warning if this share of the nonzero features becomes 0 in float16. A few are harmless. From 1% on,
# typical values lie near 3e-6 or below, where float16 keeps half of its digits or fewer.
LOST = 0.01


def write_features(path: str | Path, batches: Iterable[Batch], dtype: str, metadata: Mapping[str, str]) -> None:
    """Stream features to parquet, one row group a batch, in constant memory.

    Parameters
    ----------
    batches : pairs of ids, int64 (m,), and features, float (m, d)
    dtype : "float32" or "float16", the stored type
    metadata : how they were made: dataset, backbone, weights, ...

    Raises
    ------
    L2HError
        a feature is not finite, or all features of an image become 0; the message names the images
    """
    known = lost = 0

    def columns() -> Iterator[tuple[Ints, pa.Array]]:
        nonlocal known, lost
        for ids, features in batches:
            stored = narrowed(ids, features, dtype, path)
            known += int(np.count_nonzero(features))
            lost += int(np.count_nonzero(features) - np.count_nonzero(stored))
            yield ids, pa.FixedSizeListArray.from_arrays(pa.array(stored.ravel()), stored.shape[1])

    write_batches(path, columns(), "feature", metadata)
    if lost >= LOST * known > 0:
        logging.getLogger("l2h").warning(
            "%s: %.0f%% of the nonzero features are too small for %s and become 0; set dtype: float32",
            path,
            100 * lost / known,
            dtype,
        )


def narrowed(ids: Ints, features: NDArray, dtype: str, what: str | Path) -> NDArray:
    """Features (m, d) of these ids, int64 (m,), converted to the stored type.

    Raises
    ------
    L2HError
        a feature is not finite, or all features of an image become 0; the message begins with `what`
    """
    with np.errstate(over="ignore"):  # reported below, with the ids of the images
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
    """The features (len(ids), d) of these ids, in their order; only these are held in memory."""
    return gather(path, _iter_stored(path), ids, "features").astype(np.float32, copy=False)


def _iter_stored(path: str | Path) -> Iterator[Batch]:
    """Features in the stored type, because converting float16 takes nearly as long as reading it."""

    def is_feature(kind: pa.DataType) -> bool:
        return pa.types.is_fixed_size_list(kind) and kind.value_type in (pa.float16(), pa.float32())

    for ids, column in iter_batches(path, "feature", is_feature, "features"):
        values = column.flatten().to_numpy(zero_copy_only=False)
        yield ids, values.reshape(len(ids), -1)


def weights_name(path: str | Path) -> str:
    """Name of the features' weights in tables: their source, and the first digits of their sha256."""
    return weights_label(read_metadata(path, "weights", "weights_sha256"))


def weights_label(metadata: Mapping[str, str]) -> str:
    """Same, given the two values."""
    return f"{metadata['weights']}@{metadata['weights_sha256'][:12]}"


def feature_bits(path: str | Path) -> int:
    """Size of one image's features in a file, in bits."""
    with open_table(path) as file:
        kind = file.schema_arrow.field("feature").type
        return kind.list_size * kind.value_type.bit_width
