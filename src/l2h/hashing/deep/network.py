"""The network of scope `full`: a backbone cut at a layer, and a head that turns its activations into codes."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

import l2h
from l2h import backbones, codes
from l2h.backbones.extraction import Batch, extract
from l2h.backbones.weights import load_network
from l2h.errors import L2HError
from l2h.hashing.deep.training import make_head
from l2h.store.features import weights_label
from l2h.store.models import read_model, write_model
from l2h.store.tables import CURE


class HashNetwork(torch.nn.Module):
    """From images, float32 (n, 3, size, size), to outputs, float32 (n, bits), whose signs are the code.

    The head's inputs are activations centred and divided by one common scale, like the features at other scopes.

    Attributes
    ----------
    entry : the backbone's name, layer, input_size and precision; weights (their source) and weights_sha256
        before training, as for features
    shape : the head's width, hidden and bits
    how : the backbone's arguments for `l2h.backbones.extraction.extract`
    loss : buffers of the loss, which are saved too, such as class centres; not needed for codes
    """

    mean: torch.Tensor
    scale: torch.Tensor

    def __init__(
        self,
        backbone: torch.nn.Module,
        width: int,
        hidden: int,
        bits: int,
        entry: Mapping[str, Any],
        batch_norm: bool = False,
    ):
        super().__init__()
        self.backbone = backbone
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("scale", torch.ones(()))
        self.head = make_head(width, hidden, bits, batch_norm)
        self.loss = torch.nn.Module()
        self.entry = dict(entry)
        self.shape = {"width": width, "hidden": hidden, "bits": bits}
        kind = backbones.registry.get(entry["name"])()
        inputs = {"size": kind.side(entry["input_size"]), "mean": kind.mean, "std": kind.std}
        self.how = {**inputs, "precision": entry["precision"]}

    def hash(self, features: torch.Tensor) -> torch.Tensor:
        """Outputs, float32 (n, bits), of the backbone's activations, float (n, width); always in float32."""
        with torch.autocast(features.device.type, enabled=False):
            return self.head((features.float() - self.mean) / self.scale)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Outputs, float32 (n, bits)."""
        return self.hash(self.backbone(images))

    @property
    def weights(self) -> str:
        """Name of the backbone's initial weights in tables."""
        return weights_label(self.entry)

    def encode(self, batches: Iterable[Batch], device: torch.device) -> Iterator[tuple[NDArray, NDArray[np.uint8]]]:
        """Yield ids and packed codes of each batch of ids and images."""
        for ids, outputs in extract(batches, self, **self.how, device=device):
            yield ids, codes.pack(outputs > 0)


def build(
    entry: Mapping[str, Any], weights: str | Path, hidden: int, bits: int, batch_norm: bool = False
) -> HashNetwork:
    """A network to train: backbone weights from a safetensors file, a head drawn with torch's global generator."""
    kind = backbones.registry.get(entry["name"])()
    backbone, side = load_network(kind, entry["layer"], weights), kind.side(entry["input_size"])
    with torch.inference_mode():
        width = backbone(torch.zeros(1, 3, side, side)).shape[1]
    return HashNetwork(backbone, width, hidden, bits, entry, batch_norm).eval()


def save(network: HashNetwork, folder: str | Path, description: Mapping[str, Any]) -> None:
    """Write `model.json` (the description and the entries for `load`) and `model.safetensors` (all weights)."""
    arrays = {name: tensor.cpu().numpy() for name, tensor in network.state_dict().items()}
    parts = {
        "backbone": network.entry,
        "head": network.shape,
        "loss": {name: list(tensor.shape) for name, tensor in network.loss.named_buffers()},
    }
    whole = {**description, **parts, "l2h_version": l2h.__version__}
    write_model(folder, whole, arrays)


def load(folder: str | Path) -> HashNetwork:
    """Read a network that `save` wrote as JSON and safetensors, which cannot execute code; in eval mode.

    Raises
    ------
    L2HError
        the folder is damaged, or does not hold exactly the network that it describes
    """
    description, arrays = read_model(folder)
    bad = [name for name, array in arrays.items() if not np.isfinite(array).all()]
    if bad:
        raise L2HError(f"{folder} holds values that are not finite in {', '.join(bad)}; {CURE}")
    try:
        entry = description["backbone"]
        kind = backbones.registry.get(entry["name"])()
        with torch.device("meta"):
            backbone = kind.truncate(kind.network(), entry["layer"])
            network = HashNetwork(backbone, **description["head"], entry=entry)
            for name, shape in description.get("loss", {}).items():
                network.loss.register_buffer(name, torch.empty(shape))
        network.load_state_dict({name: torch.from_numpy(array) for name, array in arrays.items()}, assign=True)
    except (AttributeError, KeyError, TypeError, ValueError, RuntimeError) as error:
        line = " ".join(str(error).split())
        raise L2HError(f"{folder} is not a network that this version can use: {line}; {CURE}") from error
    return network.eval()
