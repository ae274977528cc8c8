"""Images to features: batched, on one device, streamed."""

from collections.abc import Iterable, Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torchvision.transforms.v2 import functional as transforms

Batch = tuple[NDArray[np.int64], NDArray]

BATCH_SIZE = 128  # images that a network takes at a time


def preprocess(
    images: torch.Tensor, size: int, mean: tuple[float, float, float], std: tuple[float, float, float]
) -> torch.Tensor:
    """Turn pixels into a network's input.

    The whole image is scaled to a square, bilinear with antialiasing, so that nothing is cropped away; grey images
    get three equal channels.

    Parameters
    ----------
    images : uint8 (n, h, w) grey or (n, h, w, 3) RGB
    size : pixels a side

    Returns
    -------
    float32 (n, 3, size, size), channels last in memory
    """
    pixels = images.unsqueeze(1) if images.ndim == 3 else images.permute(0, 3, 1, 2)
    scaled = transforms.to_dtype(pixels, torch.float32, scale=True)
    scaled = transforms.resize(scaled, [size, size], antialias=True).expand(-1, 3, -1, -1)
    return transforms.normalize(scaled, list(mean), list(std)).contiguous(memory_format=torch.channels_last)


def extract(
    batches: Iterable[Batch],
    network: nn.Module,
    *,
    size: int,
    mean: tuple[float, float, float],
    std: tuple[float, float, float],
    precision: str,
    device: torch.device,
) -> Iterator[Batch]:
    """Yield ids and features, float32 (m, d), of each batch of ids and images.

    Parameters
    ----------
    batches : pairs of ids, int64 (m,), and images, uint8 (m, h, w) or (m, h, w, 3)
    network : from float32 (m, 3, size, size) to (m, d), in eval mode
    precision : "fp32", or "bf16" for autocast to bfloat16
    """
    torch.backends.cudnn.allow_tf32 = False  # fp32 means fp32, on GPUs too
    network = network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    for ids, images in batches:
        with torch.inference_mode():
            inputs = preprocess(torch.from_numpy(images).to(device, non_blocking=True), size, mean, std)
            features = forward(network, inputs, precision).cpu().numpy()
        yield ids, features


def forward(network: nn.Module, inputs: torch.Tensor, precision: str) -> torch.Tensor:
    """The network's output for inputs float32 (m, 3, size, size), as float32 (m, d), computed as `precision` says."""
    with torch.autocast(inputs.device.type, torch.bfloat16, enabled=precision == "bf16"):
        return network(inputs).float()
