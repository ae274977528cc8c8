"""The key of a cell for tests: as a file's metadata, and in the types of a table."""

from l2h.store.cells import cell_key

KEY = {
    "dataset": "d",
    "protocol": "p",
    "backbone": "b",
    "weights": "w",
    "variant": "v",
    "method": "m",
    "scope": "s",
    "bits": "11",
    "seed": "0",
}
CELL = cell_key(KEY)
