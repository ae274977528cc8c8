"""The training loop that deep methods share."""

import logging
from collections.abc import Callable
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from l2h import device as devices
from l2h.errors import L2HError
from l2h.progress import track

_log = logging.getLogger("l2h")


class Loss(Protocol):
    """A method's loss, made for one training set."""

    def __call__(self, outputs: torch.Tensor, features: torch.Tensor, rows: torch.Tensor, epoch: int) -> torch.Tensor:
        """The batch's loss.

        outputs : float (m, bits), the hash layer's values before any sign
        features : float (m, d), as extracted
        rows : int64 (m,), which rows of the training set these are
        epoch : from 0
        """


def train_linear(
    inputs: NDArray[np.float32],
    features: NDArray[np.float32],
    labels: NDArray[np.float32] | None,
    make_loss: Callable[[torch.Tensor | None], Loss],
    *,
    bits: int,
    epochs: int,
    batch_size: int,
    lr: float,
    weight_decay: float,
    device: str,
    seed: int,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Train one linear layer with Adam; on a CPU, the same seed and thread count give the same result.

    Parameters
    ----------
    inputs : float32 (n, d), what the layer sees
    features : float32 (n, d), what the loss sees
    labels : float32 (n, c) multi-hot, or None
    make_loss : from the labels on the device to the loss

    Returns
    -------
    weight float32 (bits, d), bias float32 (bits,)

    Raises
    ------
    L2HError
        the loss is no longer finite
    """
    target = devices.choose(device)
    seen, given = (torch.from_numpy(array).to(target) for array in (inputs, features))
    loss = make_loss(None if labels is None else torch.from_numpy(labels).to(target))
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        layer = torch.nn.Linear(seen.shape[1], bits).to(target)
        optimizer = torch.optim.Adam(layer.parameters(), lr=lr, weight_decay=weight_decay)
        # equal parts of at least two rows: a small remainder would be a batch without pairs
        n_batches = max(1, min(-(-len(inputs) // batch_size), len(inputs) // 2))
        for epoch in track("training", range(epochs), epochs, "epochs"):
            mean = 0.0
            for rows in torch.randperm(len(seen)).to(target).tensor_split(n_batches):
                value = loss(layer(seen[rows]), given[rows], rows, epoch)
                optimizer.zero_grad()
                value.backward()  # type: ignore[no-untyped-call]
                optimizer.step()
                mean += value.item() / n_batches
            if not np.isfinite(mean):
                raise L2HError(f"training diverged: the loss of epoch {epoch + 1} is {mean}; lower lr (now {lr})")
    _log.info("trained %d epochs, last loss %.4f", epochs, mean)
    return layer.weight.detach().cpu().numpy(), layer.bias.detach().cpu().numpy()
