"""Packed codes, streamed in row groups."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from l2h import codes
from l2h.errors import L2HError
from l2h.store.tables import (
    CURE,
    Batch,
    Ints,
    bits_of,
    byte_rows,
    fixed_binary,
    gather,
    iter_batches,
    read_metadata,
    write_batches,
)


def write_codes(path: str | Path, batches: Iterable[Batch], metadata: Mapping[str, str]) -> None:
    """Stream packed codes, pairs of int64 (m,) ids and uint8 (m, bytes), to parquet; `metadata` names the bits."""
    write_batches(path, ((ids, fixed_binary(packed)) for ids, packed in batches), "code", metadata)


def read_codes(path: str | Path, ids: Ints) -> NDArray[np.uint8]:
    """The packed codes, uint8 (len(ids), ceil(bits / 8)), of these ids, in their order.

    Only these codes are held in memory; of row groups without them, only the ids are read.
    """
    width = codes.n_bytes(bits_of(read_metadata(path, "bits"), path))

    def batches() -> Iterator[Batch]:
        for some_ids, part in iter_batches(path, "code", lambda kind: kind == pa.binary(width), "codes", wanted=ids):
            yield some_ids, byte_rows(part)

    return gather(path, batches(), ids, "codes")


def read_bare_codes(path: str | Path, bits: int, cure: str = CURE) -> tuple[Ints, NDArray[np.uint8]]:
    """Read ids and packed codes of a known length, without relying on metadata."""
    width = codes.n_bytes(bits)
    what = f"codes of {bits} bits (id int64, code fixed_size_binary[{width}])"
    parts = list(iter_batches(path, "code", lambda kind: kind == pa.binary(width), what, cure))
    if not any(len(ids) for ids, _ in parts):
        raise L2HError(f"{path} has no rows; {cure}")
    ids = np.concatenate([ids for ids, _ in parts])
    return ids, np.concatenate([byte_rows(part) for _, part in parts])
