"""Recall of the search for near copies by kind of change, and its chance hits.

    python benchmarks/near_copies.py resources/mnist resources/cifar10

Each folder is a prepared dataset, as written by a run. Recall is the share of images whose changed copy is found among
the copies of all images; chance hits are pairs of different images that the search takes for copies.
"""

import argparse
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance, ImageOps

from l2h.datasets.grey_thumbnails import thumbnail
from l2h.datasets.images import iter_images
from l2h.datasets.leaks import near_copies
from l2h.store.manifests import read_manifest
from l2h.store.thumbnails import Thumbnails

BATCH = 256

Change = Callable[[Image.Image], Image.Image]


def jpeg(quality: int) -> Change:
    """Encode as JPEG and decode again."""

    def change(image: Image.Image) -> Image.Image:
        file = BytesIO()
        image.save(file, "JPEG", quality=quality)
        return Image.open(file)

    return change


def scaled(factor: float) -> Change:
    """Resize, bilinear."""
    return lambda image: image.resize([max(1, round(side * factor)) for side in image.size], Image.Resampling.BILINEAR)


def shifted(image: Image.Image) -> Image.Image:
    """Move by one pixel to the right; the first column is repeated."""
    pixels = np.asarray(image)
    return Image.fromarray(np.concatenate([pixels[:, :1], pixels[:, :-1]], axis=1))


def cropped(image: Image.Image) -> Image.Image:
    """Keep the middle 90 % of each side."""
    return ImageOps.crop(image, round(min(image.size) * 0.05))


CHANGES: dict[str, Change] = {
    "JPEG, quality 90": jpeg(90),
    "JPEG, quality 50": jpeg(50),
    "mirrored": ImageOps.mirror,
    "grey": lambda image: image.convert("L"),
    "twice the size": scaled(2),
    "half the size": scaled(0.5),
    "brightness x 1.3": lambda image: ImageEnhance.Brightness(image).enhance(1.3),
    "brightness x 0.7": lambda image: ImageEnhance.Brightness(image).enhance(0.7),
    "contrast x 0.7": lambda image: ImageEnhance.Contrast(image).enhance(0.7),
    "shifted by one pixel": shifted,
    "cropped to 90 %": cropped,
    "rotated by 5 degrees": lambda image: image.rotate(5, Image.Resampling.BILINEAR),
    "rotated by 90 degrees": lambda image: image.rotate(90),
}


def recall(images: list[NDArray[np.uint8]], change: Change) -> float:
    """Share of the images whose changed copy is found among those of all."""
    queries = np.stack([thumbnail(image) for image in images])
    copies = np.stack([thumbnail(np.asarray(change(Image.fromarray(image)))) for image in images])
    found = [any(match.other == row for match in matches) for row, matches in enumerate(near_copies(queries, copies))]
    return float(np.mean(found))


def chance(thumbnails: Thumbnails, queries: int) -> tuple[int, int]:
    """Number of matching pairs of a query and a later image, up to 10 per query; and of all such pairs."""
    hits = sum(len(matches) for matches in near_copies(thumbnails[:queries], thumbnails[queries:]))
    return hits, queries * (len(thumbnails) - queries)


def main() -> None:
    """Run the search, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("datasets", nargs="+", type=Path, metavar="FOLDER", help="such as resources/<dataset>")
    parser.add_argument("--images", type=int, default=1000, help="images that are changed (default: 1000)")
    parser.add_argument("--searched", type=int, default=20_000, help="images searched for chance hits (default: 20000)")
    arguments = parser.parse_args()
    columns = []
    for folder in arguments.datasets:
        manifest = read_manifest(folder / "manifest.parquet")
        # one image of each file content, so that chance hits are not exact copies
        _, first = np.unique(manifest["image_sha256"].to_pylist(), return_index=True)
        rows = np.random.default_rng(0).permutation(first)[: arguments.images + arguments.searched]
        ids = manifest["id"].to_numpy()[rows]
        images = {
            int(number): image
            for some, batch in iter_images(folder / "images", manifest, BATCH, ids)
            for number, image in zip(some, batch, strict=True)
        }
        some = [images[int(number)] for number in ids]
        hits, pairs = chance(np.stack([thumbnail(image) for image in some]), min(arguments.images, len(some) // 2))
        changed = [f"{recall(some[: arguments.images], change):.2f}" for change in CHANGES.values()]
        columns.append([*changed, f"{hits} of {pairs:.1e}: {hits / pairs:.0e}"])
    print(f"| | {' | '.join(folder.name for folder in arguments.datasets)} |")
    print("|:--|" + "--:|" * len(columns))
    for name, *cells in zip([*CHANGES, "chance hits a pair"], *columns, strict=True):
        print(f"| {name} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
