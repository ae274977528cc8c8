"""Create a simulated NUS-WIDE from CIFAR-10's images: mosaics with several of 81 labels, and three lists.

A mosaic shows two or four images, each used once, so that queries share no images with the database. Its labels are,
for each image, its class, and its class at that position of the mosaic.
"""

import argparse
import io
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from PIL import Image

LABELS = 81
LABELS_OF_CLASS = 8  # one for the class, four for its positions; the others are unused, as many of NUS-WIDE's are rare
GRIDS = ((1, 2), (2, 1), (2, 2))  # rows, columns
SIDE = 32


def make(parquet: Path, folder: Path, queries: int, trained: int, database: int, seed: int = 0) -> None:
    """Write the mosaics below `folder`, and `test.txt`, `train.txt` and `database.txt`; train is part of the database.

    Parameters
    ----------
    parquet : table of label (0 to 9) and jpeg (a file's bytes)
    queries, trained, database : number of mosaics in each list; `database` includes those of train
    """
    rng = np.random.default_rng(seed)
    table = pq.read_table(parquet, columns=["label", "jpeg"])
    left = iter(rng.permutation(len(table)))
    (folder / "images").mkdir(parents=True, exist_ok=True)
    lines = []
    for number in range(queries + database):
        rows, columns = GRIDS[rng.integers(len(GRIDS))]
        mosaic = Image.new("RGB", (columns * SIDE, rows * SIDE))
        labels = set()
        for place in range(rows * columns):
            row = int(next(left))
            tile = Image.open(io.BytesIO(table["jpeg"][row].as_py()))
            mosaic.paste(tile, (place % columns * SIDE, place // columns * SIDE))
            first = LABELS_OF_CLASS * table["label"][row].as_py()
            labels |= {first, first + 1 + place}
        name = f"images/{number:05}.jpg"
        mosaic.save(folder / name, quality=95)
        lines.append(f"{name} {' '.join('1' if label in labels else '0' for label in range(LABELS))}\n")
    parts = {"test": lines[:queries], "train": lines[queries : queries + trained], "database": lines[queries:]}
    for name, part in parts.items():
        (folder / f"{name}.txt").write_text("".join(part), encoding="utf-8")


def main() -> None:
    """Create the mosaics."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parquet", type=Path)
    parser.add_argument("folder", type=Path, nargs="?", default="resources/images/mosaics")
    parser.add_argument("--queries", type=int, default=500)
    parser.add_argument("--trained", type=int, default=1000)
    parser.add_argument("--database", type=int, default=5500)
    arguments = parser.parse_args()
    make(arguments.parquet, arguments.folder, arguments.queries, arguments.trained, arguments.database)


if __name__ == "__main__":
    main()
