"""Extract features from images with a backbone, cut at a layer: batched and streamed, on one device."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torchvision.transforms.v2 import functional as transforms

import l2h
from l2h import backbones
from l2h.backbones.weights import file_sha256, load_network

Images = torch.Tensor | NDArray[np.uint8] | Sequence[NDArray[np.uint8]]
Batch = tuple[NDArray[np.int64], Images]

BATCH_SIZE = 128  # images per batch


def preprocess(
    images: Images,
    size: int,
    mean: tuple[float, float, float],
    std: tuple[float, float, float],
    device: torch.device | None = None,
) -> torch.Tensor:
    """Turn pixels into a network's input.

    The whole image is scaled to a square, bilinear with antialiasing, so nothing is cropped; grey images
    get three equal channels.

    Parameters
    ----------
    images : uint8 (n, h, w) grey or (n, h, w, 3) RGB; or, if sizes differ, a sequence of n arrays (h, w[, 3])
    size : pixels per side
    device : device for the computation; by default the device of the images

    Returns
    -------
    float32 (n, 3, size, size), channels last in memory
    """
    if not isinstance(images, torch.Tensor | np.ndarray):
        scaled = torch.cat([preprocess(image[None], size, mean, std, device) for image in images])
        return scaled.contiguous(memory_format=torch.channels_last)
    pixels = torch.as_tensor(images, device=device)
    pixels = pixels.unsqueeze(1) if pixels.ndim == 3 else pixels.permute(0, 3, 1, 2)
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
    at_once: int = BATCH_SIZE,
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
    """Yield ids and features, float32 (m, d), of each batch of ids and images.

    Parameters
    ----------
    batches : pairs of ids, int64 (m,), and images as `preprocess` takes them
    network : from float32 (m, 3, size, size) to (m, d), in eval mode
    precision : "fp32", or "bf16" for autocast to bfloat16
    at_once : images per pass through the network
    """
    network = network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    for ids, images in batches:
        parts = (images[start : start + at_once] for start in range(0, len(images), at_once))
        with torch.inference_mode():
            inputs = (preprocess(part, size, mean, std, device) for part in parts)
            features = [forward(network, part, precision).cpu().numpy() for part in inputs]
        yield ids, np.concatenate(features)


def forward(network: nn.Module, inputs: torch.Tensor, precision: str) -> torch.Tensor:
    """The network's output for inputs float32 (m, 3, size, size), as float32 (m, d), computed in `precision`."""
    return activations(network, inputs, precision).float()


def activations(network: nn.Module, inputs: torch.Tensor, precision: str) -> torch.Tensor:
    """The output of a network or of a part of it, in the type in which `precision` computes it."""
    torch.backends.cudnn.allow_tf32 = False  # fp32 means fp32, on GPUs too
    with torch.autocast(inputs.device.type, torch.bfloat16, enabled=precision == "bf16"):
        found: torch.Tensor = network(inputs)
        return found


class Extractor:
    """One backbone, cut at a layer, on one device.

    Parameters
    ----------
    entry : the backbone's name, layer, source (name of its weights), input_size, precision and dtype (of the
        stored features)
    weights : a safetensors file

    Attributes
    ----------
    metadata : origin of its features, for their file: everything that `entry_of` needs, and more for readers
    """

    def __init__(self, entry: Mapping[str, Any], weights: str | Path, device: torch.device):
        kind = backbones.registry.get(entry["name"])()
        side = kind.side(entry["input_size"])
        self._network = kind.fold(load_network(kind, entry["layer"], weights))
        self._how = {
            "size": side,
            "mean": kind.mean,
            "std": kind.std,
            "precision": entry["precision"],
            "device": device,
            "at_once": kind.cpu_batch if device.type == "cpu" else BATCH_SIZE,
        }
        self.metadata = {
            "backbone": entry["name"],
            "layer": entry["layer"],
            "weights": entry["source"],
            "weights_sha256": file_sha256(weights),
            "input_size": str(side),
            "precision": entry["precision"],
            "dtype": entry["dtype"],
            "device": device.type,
            "preprocessing": f"whole image to a square, bilinear, antialiased; mean {kind.mean}, std {kind.std}",
            "l2h_version": l2h.__version__,
        }

    def __call__(self, batches: Iterable[Batch]) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
        """Yield ids and features, float32 (m, d), of each batch of ids and images."""
        return extract(batches, self._network, **self._how)


def entry_of(metadata: Mapping[str, str]) -> dict[str, Any]:
    """An entry for `Extractor`, from the metadata of its features."""
    same = {key: metadata[key] for key in ("layer", "precision", "dtype")}
    return {
        **same,
        "name": metadata["backbone"],
        "source": metadata["weights"],
        "input_size": int(metadata["input_size"]),
    }
