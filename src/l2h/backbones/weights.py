"""A backbone's weights, from the web, a seed or a file: stored as safetensors, and identified by their sha256."""

import hashlib
import logging
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from safetensors import SafetensorError, safe_open

from l2h.backbones.base import Backbone
from l2h.errors import L2HError
from l2h.store import limits, tables
from l2h.store.files import atomic

if TYPE_CHECKING:
    import torch
    from torch import nn

    from l2h.datasets.downloads import Fetch

UNTRAINED = "untrained"
CURE = f"if a run wrote it, {tables.CURE}; if it is your own, use a complete one"
# End of the origin in the header of files written here, because tensors have no checksum. One entry holds both, because
# the order of several entries changes from run to run.
SEAL = re.compile(r"(.*); sha256 of the tensors: ([0-9a-f]{64})")
_log = logging.getLogger("l2h")


def make_untrained(backbone: Backbone, seed: int, path: str | Path) -> None:
    """Write freshly initialised weights; the same seed and torch version give the same bytes."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        state = backbone.network().state_dict()
    _write(path, state, f"drawn at random, seed {seed}")


def make_pretrained(backbone: Backbone, weights: str, fetch: "Fetch", path: str | Path) -> None:
    """Write published weights to `path`, with their source, which is logged too."""
    tensors, origin = backbone.published(weights, fetch)
    _write(path, tensors, origin)
    _log.info("%s: from %s; sha256 of this file %s", path, origin, file_sha256(path))


def load_network(backbone: Backbone, layer: str, path: str | Path) -> "nn.Module":
    """Build the backbone up to `layer`, in eval mode, with the weights of a safetensors file.

    The file may hold more than the layer needs, but not less.

    Raises
    ------
    L2HError
        the file is not safetensors, is damaged, or has missing tensors or other shapes; the message names them
    """
    import torch

    with torch.device("meta"):
        network = backbone.truncate(backbone.network(), layer)
    wanted = network.state_dict()
    try:
        limits.require_plain(path)
        with safe_open(path, framework="pt") as file:
            sealed = SEAL.fullmatch((file.metadata() or {}).get("origin", ""))
            # tables name the file, so all of it must be valid
            tensors = {name: file.get_tensor(name) for name in sorted(file.keys()) if sealed or name in wanted}
    except (SafetensorError, OSError) as error:
        raise L2HError(f"{path} is not a valid safetensors file ({error}); {CURE}") from error
    if sealed and sealed[2] != _sha256(tensors, sealed[1]):
        raise L2HError(f"{path} is damaged: its content does not match its sha256; {CURE}")
    state = {name: tensor for name, tensor in tensors.items() if name in wanted}
    missing = [name for name in wanted if name not in state]
    if missing:
        earlier = backbone.layers[backbone.layers.index(layer) + 1 :]
        cure = (
            f"choose an earlier layer ({', '.join(earlier)}) or a file that holds them"
            if earlier
            else "use another file"
        )
        raise L2HError(f"{path} lacks {', '.join(missing)}, which layer {layer} needs; {cure}")
    wrong = [f"{name} {tuple(state[name].shape)}" for name in wanted if state[name].shape != wanted[name].shape]
    if wrong:
        raise L2HError(f"{path} holds weights of another network: {', '.join(wrong)}")
    floats = {name: tensor.float() if tensor.is_floating_point() else tensor for name, tensor in state.items()}
    network.load_state_dict(floats, assign=True)
    return network.eval()


def _write(path: str | Path, tensors: "Mapping[str, torch.Tensor]", origin: str) -> None:
    from safetensors.torch import save_file

    whole = {name: tensor.contiguous() for name, tensor in tensors.items()}
    with atomic(path) as part:
        save_file(whole, part, {"origin": f"{origin}; sha256 of the tensors: {_sha256(whole, origin)}"})


def _sha256(tensors: "Mapping[str, torch.Tensor]", origin: str) -> str:
    import torch

    digest = hashlib.sha256(origin.encode())
    for name in sorted(tensors):
        digest.update(f"{name} {tensors[name].dtype} {tuple(tensors[name].shape)}\n".encode())
        digest.update(tensors[name].reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def file_sha256(path: str | Path) -> str:
    """Hex sha256 of a file's bytes."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
