r"""How much of a vector a few bytes preserve: methods on EfficientNet-Lite0 features of Fashion-MNIST.

Create the vectors (make extras installs the network), two runs, and the tables of docs/how-to/embeddings.md:

    python benchmarks/embedded_set.py vectors --mirror /usr/share/datasets/fashion-mnist --images 10000
    l2h bench fashion.npy --output near --bits 32 64 128 256 \
        --methods lsh itq sh pca_rr pca_sign sdc greedyhash_unsupervised bihalf pq cosine
    l2h bench fashion.npy --labels fashion_labels.npy --output by_label --bits 32 64 128 \
        --methods lsh itq sh pca_rr pca_sign sdh hadamard_ridge csq orthohash greedyhash dpsh dhn dpn dsh hashnet \
        pq cosine
    python benchmarks/embedded_set.py table near by_label
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from l2h import backbones, datasets
from l2h.backbones.extraction import extract
from l2h.backbones.weights import load_network, make_pretrained
from l2h.datasets.downloads import Sources

BATCH = 100


def vectors(mirror: str | None, count: int, folder: Path, size: int) -> None:
    """Write fashion.npy, float32 (count, 1280), of the last images, the test images, and their labels."""
    sources = Sources(str(folder / "downloads"), mirror)
    pixels, labels = datasets.make("fashion_mnist", sources).load()
    backbone = backbones.registry.get("efficientnet_lite0")()
    weights = folder / "efficientnet_lite0.safetensors"
    if not weights.exists():
        make_pretrained(backbone, next(iter(backbone.pretrained)), sources.fetch, weights)
    network = backbone.fold(load_network(backbone, backbone.layers[0], weights))
    how = {"size": size, "mean": backbone.mean, "std": backbone.std, "precision": "fp32", "device": torch.device("cpu")}
    starts = range(len(pixels) - count, len(pixels), BATCH)
    batches = ((np.arange(start, start + BATCH), pixels[start : start + BATCH]) for start in starts)
    found = [features for _, features in extract(batches, network, **how)]
    np.save(folder / "fashion.npy", np.concatenate(found))
    np.save(folder / "fashion_labels.npy", np.array([label for (label,) in labels[-count:]]))


def table(near: Path, by_label: Path) -> Iterator[str]:
    """Lines of two Markdown tables, methods by bytes per item: recall@100 without labels, and mAP by labels."""
    for folder, column in ((near, "recall_at_100"), (by_label, "map")):
        run = pd.read_csv(folder / "results/bench/comparison.csv").dropna(subset=column)
        values = run.assign(bytes=run["bits"] / 8).pivot(index="variant", columns="bytes", values=column)
        values = values.loc[values.mean(axis=1).sort_values(ascending=False).index]
        yield f"| {column}, bytes | {' | '.join(f'{size:,.0f}' for size in values)} |"
        yield f"|---|{'--:|' * len(values.columns)}"
        for variant, *row in values.itertuples():
            yield f"| {variant} | {' | '.join('' if pd.isna(one) else f'{one:.3f}' for one in row)} |"
        yield ""


def main() -> None:
    """Create the vectors, or print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    make = commands.add_parser("vectors", help="write fashion.npy and fashion_labels.npy")
    make.add_argument("--mirror", help="folder of Fashion-MNIST's files; downloaded by default")
    make.add_argument("--images", type=int, default=10_000)
    make.add_argument("--size", type=int, default=224, help="pixels per side")
    make.add_argument("--folder", type=Path, default=Path())
    show = commands.add_parser("table", help="print the table of two runs of l2h bench")
    show.add_argument("near", type=Path)
    show.add_argument("by_label", type=Path)
    arguments = parser.parse_args()
    if arguments.command == "vectors":
        vectors(arguments.mirror, arguments.images, arguments.folder, arguments.size)
    else:
        print("\n".join(table(arguments.near, arguments.by_label)))


if __name__ == "__main__":
    main()
