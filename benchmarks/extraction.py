"""AlexNet features: the pipeline's extractor beside the per-image PIL way, and the limit that matrix products set.

The PIL way is what feature scripts usually do: each image through PIL and torchvision's transforms, and through the
network in torch's default memory format, one at a time or stacked to batches. All compute fc7, at 224 px, with random
weights.
"""

import argparse
import statistics
import time

import numpy as np
import torch
from PIL import Image
from torchvision import transforms
from torchvision.models import alexnet

from common import machine, seconds
from l2h import backbones
from l2h.features import extract

BATCH = 128
# multiplications and additions of AlexNet's layers up to fc7 at 224 px, times two
FLOPS = 2 * (
    64 * 55 * 55 * 3 * 11 * 11
    + 192 * 27 * 27 * 64 * 5 * 5
    + 384 * 13 * 13 * 192 * 3 * 3
    + 256 * 13 * 13 * 384 * 3 * 3
    + 256 * 13 * 13 * 256 * 3 * 3
    + 9216 * 4096
    + 4096 * 4096
)


def ours(images: np.ndarray, precision: str) -> None:
    """The pipeline's extractor."""
    backbone = backbones.registry.get("alexnet")()
    network = backbone.truncate(backbone.network(), "fc7").eval()
    batches = (
        (np.arange(start, start + BATCH), images[start : start + BATCH]) for start in range(0, len(images), BATCH)
    )
    how = {"size": 224, "mean": backbone.mean, "std": backbone.std, "device": torch.device("cpu")}
    for _ in extract(batches, network, precision=precision, **how):
        pass


def pil(images: np.ndarray, batch: int) -> None:
    """One image after the other through PIL, so many at a time through the network."""
    network = alexnet().eval()
    network.classifier = network.classifier[:6]
    prepare = transforms.Compose(
        [
            transforms.Resize((224, 224)),
            transforms.ToTensor(),
            transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
        ]
    )
    with torch.no_grad():
        for start in range(0, len(images), batch):
            network(torch.stack([prepare(Image.fromarray(image)) for image in images[start : start + batch]]))


def product_limit() -> float:
    """Multiplications and additions a second of large matrix products."""
    a = torch.randn(2048, 2048)
    a @ a
    start = time.perf_counter()
    for _ in range(5):
        a @ a
    return 5 * 2 * 2048**3 / (time.perf_counter() - start)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer images and repeats")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    count, repeats = (2 * BATCH, 2) if arguments.quick else (6 * BATCH, 5)
    images = np.random.default_rng(0).integers(0, 256, (count, 32, 32, 3), dtype=np.uint8)
    ways = {
        "PIL, one at a time, fp32": lambda: pil(images, 1),
        f"PIL, stacked to {BATCH}, fp32": lambda: pil(images, BATCH),
        "l2h, fp32": lambda: ours(images, "fp32"),
        "l2h, bf16": lambda: ours(images, "bf16"),
    }
    times = {name: [] for name in ways}
    limits = []
    for _ in range(repeats):  # side by side, so that what else the machine does hits all alike
        for name, call in ways.items():
            times[name].append(seconds(call))
        limits.append(product_limit())
    limit = statistics.median(limits) / FLOPS
    rates = {name: count / statistics.median(some) for name, some in times.items()}
    slow = rates["PIL, one at a time, fp32"]
    print(f"{machine(arguments.threads)}; {count} images of 32 x 32, median of {repeats}\n")
    print("| way | images/s | times one at a time | share of the fp32 product limit |")
    print("|:--|--:|--:|--:|")
    for name, rate in rates.items():
        print(f"| {name} | {rate:.0f} | {rate / slow:.2f} | {rate / limit:.0%} |")
    print(f"\nMatrix products alone: {limit * FLOPS / 1e9:.0f} GFLOP/s, {limit:.0f} images/s.")


if __name__ == "__main__":
    main()
