"""Where a backbone's weights come from: the web, a seed, or a file. They end as safetensors, known by their sha256."""

import hashlib
import logging
from pathlib import Path
from typing import TYPE_CHECKING

from l2h import store
from l2h.backbones.base import Backbone
from l2h.download import Fetch
from l2h.errors import L2HError

if TYPE_CHECKING:
    from torch import nn

UNTRAINED = "untrained"
_log = logging.getLogger("l2h")


def make_untrained(backbone: Backbone, seed: int, path: str | Path) -> None:
    """Write freshly initialised weights; the same seed and torch version give the same bytes."""
    import torch
    from safetensors.torch import save_file

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        state = backbone.network().state_dict()
    with store.atomic(path) as part:
        save_file(state, part)


def make_pretrained(backbone: Backbone, weights: str, fetch: Fetch, path: str | Path) -> None:
    """Write published weights to `path`, with a word on where they come from, which the log gets too."""
    from safetensors.torch import save_file

    tensors, origin = backbone.published(weights, fetch)
    with store.atomic(path) as part:
        save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, part, {"origin": origin})
    _log.info("%s: from %s; sha256 of this file %s", path, origin, file_sha256(path))


def load_network(backbone: Backbone, layer: str, path: str | Path) -> "nn.Module":
    """Build the backbone up to `layer`, in eval mode, with the weights of a safetensors file.

    The file may hold more than the layer needs, but not less.

    Raises
    ------
    L2HError
        the file is no safetensors file, or tensors are missing or have other shapes; the line names them
    """
    import torch
    from safetensors import SafetensorError, safe_open

    with torch.device("meta"):
        network = backbone.truncate(backbone.network(), layer)
    wanted = network.state_dict()
    try:
        with safe_open(path, framework="pt") as file:
            state = {name: file.get_tensor(name) for name in file.keys() if name in wanted}  # noqa: SIM118 (no mapping)
    except (SafetensorError, OSError) as error:
        raise L2HError(f"{path} is no readable safetensors file: {error}") from error
    missing = [name for name in wanted if name not in state]
    if missing:
        earlier = backbone.layers[backbone.layers.index(layer) + 1 :]
        cure = (
            f"choose an earlier layer ({', '.join(earlier)}) or a file that holds them"
            if earlier
            else "take another file"
        )
        raise L2HError(f"{path} lacks {', '.join(missing)}, which layer {layer} needs; {cure}")
    wrong = [f"{name} {tuple(state[name].shape)}" for name in wanted if state[name].shape != wanted[name].shape]
    if wrong:
        raise L2HError(f"{path} holds weights of another network: {', '.join(wrong)}")
    floats = {name: tensor.float() if tensor.is_floating_point() else tensor for name, tensor in state.items()}
    network.load_state_dict(floats, assign=True)
    return network.eval()


def file_sha256(path: str | Path) -> str:
    """Hex sha256 of a file's bytes."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
