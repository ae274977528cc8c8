"""Features on a CPU: the pipeline's extractor compared with alternatives, for AlexNet and EfficientNet-Lite0.

AlexNet (fc7) is compared with PIL, one image at a time, and with the limit of the matrix products. Most feature scripts
process each image with PIL and torchvision's transforms, and run the network in torch's default memory format, with one
image at a time or in batches.

EfficientNet-Lite0's network alone is compared with other optimisations. torch.compile needs a C++ compiler and a
minute, which is not counted, and --quick skips it. ONNX Runtime is included if `onnxruntime` and `onnx` are installed.
All must give the same outputs.

All at 224 px, with random weights.
"""

import argparse
import statistics
from collections.abc import Callable
from copy import deepcopy
from importlib.util import find_spec
from io import BytesIO

import numpy as np
import torch
from PIL import Image
from torch import nn
from torchvision import transforms
from torchvision.models import alexnet

from common import machine, seconds
from l2h import backbones
from l2h.backbones.extraction import extract
from l2h.device import has_bf16

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
    """Extract with the pipeline's extractor."""
    backbone = backbones.registry.get("alexnet")()
    network = backbone.truncate(backbone.network(), "fc7").eval()
    batches = (
        (np.arange(start, start + BATCH), images[start : start + BATCH]) for start in range(0, len(images), BATCH)
    )
    how = {"size": 224, "mean": backbone.mean, "std": backbone.std, "device": torch.device("cpu")}
    for _ in extract(batches, network, precision=precision, **how):
        pass


def pil(images: np.ndarray, batch: int) -> None:
    """Extract with PIL one image at a time, and with the network in batches."""
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


def through(network: Callable, inputs: torch.Tensor, at_once: int) -> torch.Tensor:
    """The network's outputs, in batches."""
    return torch.cat([network(part) for part in inputs.split(at_once)])


def through_onnx(network: nn.Module, inputs: torch.Tensor, at_once: int, threads: int) -> Callable[[], torch.Tensor]:
    """A function that does the same with ONNX Runtime."""
    from onnxruntime import InferenceSession, SessionOptions

    file, options = BytesIO(), SessionOptions()
    options.intra_op_num_threads = threads
    torch.onnx.export(network, (inputs[:2],), file, dynamo=False, input_names=["x"], dynamic_axes={"x": {0: "n"}})
    session = InferenceSession(file.getvalue(), options, providers=["CPUExecutionProvider"])
    return lambda: through(lambda part: torch.from_numpy(session.run(None, {"x": part.numpy()})[0]), inputs, at_once)


def lite0_ways(inputs: torch.Tensor, threads: int, quick: bool) -> dict[str, Callable[[], torch.Tensor]]:
    """EfficientNet-Lite0 in torch's defaults, then with each of the pipeline's steps, and with alternatives."""
    backbone = backbones.registry.get("efficientnet_lite0")()
    network = backbone.truncate(backbone.network(), "pooled").eval()
    last, few = deepcopy(network).to(memory_format=torch.channels_last), backbone.cpu_batch
    folded = backbone.fold(deepcopy(last))
    images = inputs.contiguous(memory_format=torch.channels_last)
    ways = {
        f"plain, {BATCH} at a time": lambda: through(network, inputs, BATCH),
        f"channels last, {BATCH} at a time": lambda: through(last, images, BATCH),
        f"channels last, {few} at a time": lambda: through(last, images, few),
        f"l2h: channels last, {few} at a time, folded": lambda: through(folded, images, few),
    }
    for at_once in () if quick else (BATCH, few):
        compiled = torch.compile(deepcopy(last), dynamic=False)
        ways[f"compiled, {at_once} at a time"] = lambda at_once=at_once, net=compiled: through(net, images, at_once)
    if find_spec("onnxruntime") and find_spec("onnx"):
        for at_once in (BATCH, few):
            ways[f"ONNX Runtime, {at_once} at a time"] = through_onnx(network, inputs, at_once, threads)
    return ways


def in_turn(ways: dict[str, Callable], repeats: int) -> dict[str, float]:
    """Median seconds of each, measured in turn, so that other load affects all equally."""
    times = {name: [] for name in ways}
    for _ in range(repeats):
        for name, call in ways.items():
            times[name].append(seconds(call))
    return {name: statistics.median(some) for name, some in times.items()}


def compare_lite0(count: int, repeats: int, threads: int, quick: bool) -> None:
    """Print EfficientNet-Lite0's table; fail if outputs differ."""
    with torch.inference_mode():
        inputs = torch.randn(count, 3, 224, 224, generator=torch.Generator().manual_seed(0))
        ways = lite0_ways(inputs, threads, quick)
        outputs = {name: call() for name, call in ways.items()}  # compile, and warm up
        expected, *others = outputs.values()
        assert all(torch.allclose(other, expected, atol=1e-4 * float(expected.abs().max())) for other in others)
        times = in_turn(ways, repeats)
    plain = next(iter(times.values()))
    print(f"\nEfficientNet-Lite0's network alone, {count} images, median of {repeats}\n")
    print("| method | images/s | speedup over plain |\n|:--|--:|--:|")
    for name, time_taken in times.items():
        print(f"| {name} | {count / time_taken:.0f} | {plain / time_taken:.2f} |")


def product() -> None:
    """Run large matrix products."""
    a = torch.ones(2048, 2048)
    for _ in range(5):
        a @ a


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer images and repeats")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    count, repeats = (BATCH // 2, 1) if arguments.quick else (6 * BATCH, 5)
    images = np.random.default_rng(0).integers(0, 256, (count, 32, 32, 3), dtype=np.uint8)
    ways = {
        "PIL, one at a time, fp32": lambda: pil(images, 1),
        f"PIL, stacked to {BATCH}, fp32": lambda: pil(images, BATCH),
        "l2h, fp32": lambda: ours(images, "fp32"),
    }
    if has_bf16():
        ways["l2h, bf16"] = lambda: ours(images, "bf16")
    ways["product"] = product
    times = in_turn(ways, repeats)
    limit = 5 * 2 * 2048**3 / times.pop("product") / FLOPS
    rates = {name: count / taken for name, taken in times.items()}
    slow = rates["PIL, one at a time, fp32"]
    print(f"{machine(arguments.threads)}; {count} images of 32 x 32, median of {repeats}\n")
    print("| method | images/s | speedup over one at a time | share of the fp32 product limit |")
    print("|:--|--:|--:|--:|")
    for name, rate in rates.items():
        print(f"| {name} | {rate:.0f} | {rate / slow:.2f} | {rate / limit:.0%} |")
    print(f"\nMatrix products alone: {limit * FLOPS / 1e9:.0f} GFLOP/s, {limit:.0f} images/s.")
    if find_spec("timm"):
        compare_lite0(*((8, 1) if arguments.quick else (2 * BATCH, 5)), arguments.threads, arguments.quick)
    else:
        print("\nEfficientNet-Lite0 is skipped: its extra, lite0, is not installed.")


if __name__ == "__main__":
    main()
