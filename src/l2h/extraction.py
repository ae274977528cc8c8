"""From a backbone's name, layer and weights to the features that it gives, of images from anywhere."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

import l2h
from l2h import backbones
from l2h.backbones.weights import file_sha256, load_network
from l2h.features import BATCH_SIZE, Batch, extract


class Extractor:
    """One backbone, cut at a layer, on one device.

    Parameters
    ----------
    entry : the backbone's name, layer, source (of its weights, in a word), input_size, precision and dtype (of the
        stored features)
    weights : a safetensors file

    Attributes
    ----------
    metadata : what made its features, for their file: all that `entry_of` takes, and more to read
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
    """An entry for `Extractor`, from the metadata of features that one made."""
    same = {key: metadata[key] for key in ("layer", "precision", "dtype")}
    return {
        **same,
        "name": metadata["backbone"],
        "source": metadata["weights"],
        "input_size": int(metadata["input_size"]),
    }
