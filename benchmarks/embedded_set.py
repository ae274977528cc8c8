"""What a few bytes keep of a vector: EfficientNet-Lite0's features of Fashion-MNIST, and what methods make of them.

The vectors (make extras installs the network), two runs, and the table of docs/how-to/embeddings.md:

    python benchmarks/embedded_set.py vectors --mirror /usr/share/datasets/fashion-mnist --images 10000
    l2h bench fashion.npy --output near --methods cosine pq lsh sh itq pca_rr sdc --bits 32 64 128 256
    l2h bench fashion.npy --labels fashion_labels.npy --output by_label --methods cosine pq itq csq sdh --bits 32 64 128
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
    """Write fashion.npy, float32 (count, 1280), of the last images, which are the test images, and their labels."""
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
    """Lines of a Markdown table: bytes an item, recall without labels, and mAP by labels, of each method and length."""
    runs = [pd.read_csv(folder / "results/bench/comparison.csv") for folder in (near, by_label)]
    keys = ["bits", "variant"]
    joined = runs[0][[*keys, "recall_at_100", "recall_at_1000"]].merge(runs[1][[*keys, "map"]], on=keys, how="outer")
    yield "| bytes | method | recall@100 | recall@1000 | mAP |"
    yield "|--:|---|--:|--:|--:|"
    for row in joined.sort_values(["bits", "variant"], ascending=[False, True]).to_dict("records"):
        values = (
            "" if pd.isna(row[name]) else f"{row[name]:.3f}" for name in ("recall_at_100", "recall_at_1000", "map")
        )
        yield f"| {row['bits'] / 8:,.0f} | {row['variant']} | {' | '.join(values)} |"


def main() -> None:
    """Make the vectors, or print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    make = commands.add_parser("vectors", help="write fashion.npy and fashion_labels.npy")
    make.add_argument("--mirror", help="folder of Fashion-MNIST's files; downloaded if left out")
    make.add_argument("--images", type=int, default=10_000)
    make.add_argument("--size", type=int, default=224, help="pixels a side")
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
