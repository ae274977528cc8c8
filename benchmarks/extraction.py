"""Features on a CPU: the pipeline's extractor compared with torchvision's DataLoader, and networks with ONNX Runtime.

AlexNet's features (fc7) are extracted from arrays of 32 x 32 and from JPEG files of 375 x 500. Most feature scripts
decode with PIL, prepare with torchvision's transforms, and run the network in torch's default memory format, with one
image at a time or in batches. A DataLoader with two workers does the same, also with channels last. The limit is that
of the matrix products. Features must be equal within TOLERANCE: torchvision rounds resized values to integers, for
speed, which changes features by 0.01 to 0.03; bf16 changes them by 0.02 to 0.06.

The networks of AlexNet and EfficientNet-Lite0 alone are compared with other optimisations, within 1e-4. torch.compile
needs a C++ compiler and a minute, which is not counted, and --quick skips it. ONNX Runtime is included if `onnxruntime`
and `onnx` are installed.

All at 224 px, with the same random weights, on as many CPU cores as threads.
"""

import argparse
import os
import tempfile
from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, Dataset
from torchvision.datasets.folder import default_loader
from torchvision.transforms import v2

from common import by_peer, in_turn, machine
from l2h import backbones, datasets
from l2h.backbones.extraction import extract
from l2h.datasets.downloads import Sources
from l2h.datasets.images import iter_images
from l2h.device import has_bf16
from l2h.job import limit_threads
from l2h.store.manifests import read_manifest

Ways = dict[str, Callable]
Rows = list[tuple[str, str, str]]

BATCH = 128
TOLERANCE = 0.1  # of features, relative to their deviation from the mean over images
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


def network_of(backbone: backbones.Backbone) -> nn.Module:
    """The network up to its deepest layer, with random weights that keep the variance of activations."""
    torch.manual_seed(0)
    network = backbone.network()
    for tensor in network.parameters():
        if tensor.ndim > 1:
            nn.init.kaiming_normal_(tensor)
    return backbone.truncate(network, backbone.layers[0]).eval()


class Prepared(Dataset):
    """Images, arrays (h, w, 3) or files, as AlexNet's input, by torchvision."""

    def __init__(self, images: np.ndarray | list[Path]):
        alexnet = backbones.registry.get("alexnet")
        self.images = images
        self.prepare = v2.Compose(
            [
                v2.ToImage(),
                v2.Resize((224, 224), antialias=True),
                v2.ToDtype(torch.float32, scale=True),
                v2.Normalize(alexnet.mean, alexnet.std),
            ]
        )

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, i: int) -> torch.Tensor:
        image = self.images[i]
        return self.prepare(default_loader(image) if isinstance(image, Path) else image)


def torchvision(data: Dataset, network: nn.Module, batch: int, workers: int, layout: torch.memory_format) -> np.ndarray:
    """Extract with torchvision and a DataLoader."""
    with torch.inference_mode():
        batches = DataLoader(data, batch, num_workers=workers)
        return torch.cat([network(part.to(memory_format=layout)) for part in batches]).numpy()


def ours(batches: Iterable, network: nn.Module, precision: str) -> np.ndarray:
    """Extract with the pipeline's extractor."""
    alexnet = backbones.registry.get("alexnet")
    how = {"size": 224, "mean": alexnet.mean, "std": alexnet.std, "device": torch.device("cpu")}
    return np.concatenate([features for _, features in extract(batches, network, precision=precision, **how)])


def extractions(images: np.ndarray | list[Path], batches: Callable[[], Iterable]) -> Ways:
    """Ways to extract the features of images; `batches` gives l2h the same ones."""
    data, plain = Prepared(images), network_of(backbones.registry.get("alexnet")())
    last = deepcopy(plain).to(memory_format=torch.channels_last)
    usual, channels_last = torch.contiguous_format, torch.channels_last
    ways = {
        "torchvision, one at a time": lambda: torchvision(data, plain, 1, 0, usual),
        f"torchvision, {BATCH} at a time": lambda: torchvision(data, plain, BATCH, 0, usual),
        "DataLoader, 2 workers": lambda: torchvision(data, plain, BATCH, 2, usual),
        "DataLoader, 2 workers, channels last": lambda: torchvision(data, last, BATCH, 2, channels_last),
        "l2h, fp32": lambda: ours(batches(), last, "fp32"),
    }
    if has_bf16():
        ways["l2h, bf16"] = lambda: ours(batches(), last, "bf16")
    return ways


def check(features: Mapping[str, np.ndarray], tolerance: float) -> None:
    """Fail unless all features are equal, within `tolerance` of their deviation from the mean over images."""
    (first, expected), *others = features.items()
    scale = np.linalg.norm(expected - expected.mean(axis=0))
    for name, some in others:
        difference = np.linalg.norm(some - expected) / scale
        if not difference <= tolerance:
            raise SystemExit(f"features by {name!r} differ from those by {first!r} by {difference:.2g} > {tolerance}")


def compare(images: np.ndarray | list[Path], batches: Callable[[], Iterable], what: str, repeats: int) -> Rows:
    """Print the table of ways to extract features; return rows by peer."""
    ways, count = extractions(images, batches), len(images)
    check({name: call() for name, call in ways.items()}, TOLERANCE)
    times = in_turn(ways | {"product": product}, repeats)
    limit = 5 * 2 * 2048**3 / times.pop("product") / FLOPS
    one_at_a_time = next(iter(times.values()))
    print(f"\n### AlexNet, fc7, {count} {what}, median of {repeats}\n")
    print("| method | images/s | speedup over one at a time | share of the fp32 product limit |\n|:--|--:|--:|--:|")
    for name, taken in times.items():
        print(f"| {name} | {count / taken:.0f} | {one_at_a_time / taken:.2f} | {count / taken / limit:.0%} |")
    print(f"\nMatrix products alone: {limit * FLOPS / 1e9:.0f} GFLOP/s, {limit:.0f} images/s.", flush=True)
    return ratios(times, ("torchvision, one", "DataLoader"), "l2h, fp32", f"AlexNet's fc7, {what}")


def ratios(times: Mapping[str, float], peers: Iterable[str], ours: str, task: str) -> Rows:
    """Rows by peer: the fastest of the ways whose names begin with the peer's, and its time divided by ours."""
    rows = []
    for peer in peers:
        ways = [name for name in times if name.startswith(peer)]
        if ways:
            fastest = min(ways, key=times.__getitem__)
            rows.append((fastest, task, f"{times[fastest] / times[ours]:.2f}"))
    return rows


def through(network: Callable, inputs: torch.Tensor, at_once: int) -> torch.Tensor:
    """The network's outputs, in batches."""
    return torch.cat([network(part) for part in inputs.split(at_once)])


def has_onnx() -> bool:
    """Whether ONNX Runtime can take part."""
    return bool(find_spec("onnxruntime") and find_spec("onnx"))


def through_onnx(network: nn.Module, inputs: torch.Tensor, at_once: int, threads: int) -> Callable[[], torch.Tensor]:
    """A function that does the same with ONNX Runtime."""
    from onnxruntime import InferenceSession, SessionOptions

    file, options = BytesIO(), SessionOptions()
    options.intra_op_num_threads = threads
    torch.onnx.export(network, (inputs[:2],), file, dynamo=False, input_names=["x"], dynamic_axes={"x": {0: "n"}})
    session = InferenceSession(file.getvalue(), options, providers=["CPUExecutionProvider"])
    return lambda: through(lambda part: torch.from_numpy(session.run(None, {"x": part.numpy()})[0]), inputs, at_once)


def network_ways(backbone: backbones.Backbone, inputs: torch.Tensor, threads: int, quick: bool) -> Ways:
    """A network in torch's defaults, then with each of the pipeline's steps, and with alternatives."""
    network, few = network_of(backbone), backbone.cpu_batch
    last = deepcopy(network).to(memory_format=torch.channels_last)
    folded = backbone.fold(deepcopy(last))
    images = inputs.contiguous(memory_format=torch.channels_last)
    sizes = sorted({BATCH, few}, reverse=True)
    ways = {f"plain, {BATCH} at a time": lambda: through(network, inputs, BATCH)}
    for at_once in sizes:
        ways[f"channels last, {at_once} at a time"] = lambda at_once=at_once: through(last, images, at_once)
    ways["l2h"] = lambda: through(folded, images, few)
    for at_once in () if quick else sizes:
        compiled = torch.compile(deepcopy(last), dynamic=False)
        ways[f"torch.compile, {at_once} at a time"] = lambda at_once=at_once, net=compiled: through(
            net, images, at_once
        )
    if has_onnx():
        for at_once in sizes:
            ways[f"ONNX Runtime, {at_once} at a time"] = through_onnx(network, inputs, at_once, threads)
    return ways


def compare_networks(name: str, count: int, repeats: int, threads: int, quick: bool) -> Rows:
    """Print a network's table; return rows by peer."""
    backbone = backbones.registry.get(name)()
    with torch.inference_mode():
        inputs = torch.randn(count, 3, 224, 224, generator=torch.Generator().manual_seed(0))
        ways = network_ways(backbone, inputs, threads, quick)
        check({way: call().numpy() for way, call in ways.items()}, 1e-4)  # also compiles, and warms up
        times = in_turn(ways, repeats)
    plain = next(iter(times.values()))
    title = type(backbone).__name__
    print(f"\n### {title}'s network alone, {count} images, median of {repeats}\n")
    print(f"l2h: channels last, {backbone.cpu_batch} at a time, batch norms folded.\n")
    print("| method | images/s | speedup over plain |\n|:--|--:|--:|")
    for way, taken in times.items():
        print(f"| {way} | {count / taken:.0f} | {plain / taken:.2f} |")
    return ratios(times, ("torch.compile", "ONNX Runtime"), "l2h", f"{title}'s network alone, fp32")


def product() -> None:
    """Run large matrix products."""
    a = torch.ones(2048, 2048)
    for _ in range(5):
        a @ a


def write_jpegs(folder: Path, count: int) -> list[Path]:
    """Write images of 375 x 500 in two subfolders, each of about 95 kB, as photos have; return their paths, sorted."""
    rng = np.random.default_rng(0)
    paths = [folder / str(2 * number // count) / f"{number:05}.jpg" for number in range(count)]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        small = Image.fromarray(rng.integers(0, 256, (94, 125, 3), dtype=np.uint8))
        small.resize((500, 375), Image.Resampling.BICUBIC).save(path, quality=90)
    return paths


def compare_arrays(count: int, repeats: int) -> Rows:
    """Extract from arrays, as of CIFAR-10."""
    arrays = np.random.default_rng(0).integers(0, 256, (count, 32, 32, 3), dtype=np.uint8)
    parts = [np.arange(start, min(start + BATCH, count)) for start in range(0, count, BATCH)]
    return compare(arrays, lambda: ((ids, arrays[ids]) for ids in parts), "arrays of 32 x 32", repeats)


def compare_jpegs(count: int, repeats: int) -> Rows:
    """Extract from JPEG files; l2h compares their sha256, too."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = write_jpegs(folder / "jpeg", count)
        store, table = folder / "images", folder / "manifest.parquet"
        datasets.make("image_list", Sources(folder), root=str(folder / "jpeg")).prepare(store, table)
        manifest = read_manifest(table)
        return compare(paths, lambda: iter_images(store, manifest, BATCH), "JPEG files of 375 x 500", repeats)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer images and repeats")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    limit_threads(arguments.threads)
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: arguments.threads])  # for the workers, too
    count, repeats = (8, 1) if arguments.quick else (6 * BATCH, 5)
    print(f"## Extraction\n\n{machine(arguments.threads, 'torch', 'torchvision', 'onnx', 'onnxruntime')}")
    rows = compare_arrays(count, repeats) + compare_jpegs(count, repeats)
    if not has_onnx():
        print("\nONNX Runtime is left out: it needs `onnxruntime` and `onnx`.")
    few = (2, 1) if arguments.quick else (2 * BATCH, 5)
    rows += compare_networks("alexnet", *few, arguments.threads, arguments.quick)
    if find_spec("timm"):
        rows += compare_networks("efficientnet_lite0", *few, arguments.threads, arguments.quick)
    else:
        print("\nEfficientNet-Lite0 is left out: its extra, lite0, is not installed.")
    by_peer(rows)


if __name__ == "__main__":
    main()
