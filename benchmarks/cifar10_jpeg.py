"""Unpack CIFAR-10 from one parquet file to a folder of JPEG files with one list, the input of `image_list`."""

import argparse
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

CLASSES = 10


def unpack(parquet: Path, folder: Path, per_class: int | None = None) -> None:
    """Write the images below `folder`, and `images.txt` with lines `<path> 0 1 0 ...`.

    Parameters
    ----------
    parquet : table of name (a path), label (0 to 9) and jpeg (a file's bytes)
    per_class : number of images per class, the first ones; all if None
    """
    table = pq.read_table(parquet, columns=["name", "label", "jpeg"])
    taken = np.zeros(CLASSES, dtype=int)
    lines = []
    for batch in table.to_batches(1000):
        for name, label, jpeg in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            if per_class is not None and taken[label] == per_class:
                continue
            taken[label] += 1
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(jpeg)
            lines.append(f"{name} {' '.join('1' if label == one else '0' for one in range(CLASSES))}\n")
    (folder / "images.txt").write_text("".join(lines), encoding="utf-8")


def main() -> None:
    """Unpack the images."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parquet", type=Path)
    parser.add_argument("folder", type=Path, nargs="?", default="resources/images/cifar10_jpeg")
    parser.add_argument("--per-class", type=int, help="number of images per class, the first ones")
    arguments = parser.parse_args()
    unpack(arguments.parquet, arguments.folder, arguments.per_class)


if __name__ == "__main__":
    main()
