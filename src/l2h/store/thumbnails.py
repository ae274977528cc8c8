"""Grey thumbnails of a dataset's images."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from l2h.errors import L2HError
from l2h.store.tables import CURE, byte_rows, fixed_binary, read_table, write_table

Thumbnails = NDArray[np.uint8]
SIDE = 16  # pixels of a grey thumbnail, per side
THUMBNAILS = pa.schema(
    [
        ("id", pa.int64()),
        ("image_sha256", pa.binary(32)),
        ("thumbnail", pa.binary(SIDE**2)),
    ]
)


def write_thumbnails(path: str | Path, manifest: pa.Table, thumbnails: Iterable[Thumbnails]) -> None:
    """Write the grey thumbnails, uint8 (SIDE, SIDE) each, of a manifest's images, in its order."""
    column = fixed_binary(np.stack(list(thumbnails)).reshape(-1, SIDE**2))
    table = manifest.select(["id", "image_sha256"]).append_column("thumbnail", column)
    write_table(path, table, THUMBNAILS, {})


def read_thumbnails(path: str | Path, manifest: pa.Table, cure: str = CURE) -> Thumbnails:
    """Read the thumbnails, uint8 (n, SIDE, SIDE), of a manifest's images; raises L2HError if they do not match."""
    table = read_table(path, THUMBNAILS, "thumbnails", cure)
    if any(table[name] != manifest[name] for name in ("id", "image_sha256")):
        raise L2HError(f"{path} does not match the manifest: other ids or sha256; {cure}")
    return byte_rows(table["thumbnail"].combine_chunks()).reshape(-1, SIDE, SIDE)
