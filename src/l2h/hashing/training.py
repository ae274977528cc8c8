"""The training loop that deep methods share."""

from collections.abc import Callable
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from l2h import device as devices
from l2h.errors import L2HError
from l2h.progress import track


class DivergedError(L2HError):
    """A loss that is no longer finite."""


class Loss(Protocol):
    """A method's loss, made for one training set."""

    def __call__(self, outputs: torch.Tensor, features: torch.Tensor, rows: torch.Tensor, epoch: int) -> torch.Tensor:
        """The batch's loss.

        outputs : float (m, bits), the hash layer's values before any sign
        features : float (m, d), as extracted
        rows : int64 (m,), which rows of the training set these are
        epoch : from 0
        """


class Trainer:
    """Training images on their device, and what does not change from one training to the next.

    Parameters
    ----------
    inputs : float32 (n, d), what the head sees
    features : float32 (n, d), what the loss sees
    labels : float32 (n, c) multi-hot, or None
    make_loss : from the labels of the rows that are trained on, on the device, to the loss
    """

    def __init__(
        self,
        inputs: NDArray[np.float32],
        features: NDArray[np.float32],
        labels: NDArray[np.float32] | None,
        make_loss: Callable[[torch.Tensor | None], Loss],
        *,
        bits: int,
        batch_size: int,
        weight_decay: float,
        device: str,
        seed: int,
    ):
        self.device = devices.choose(device)
        self.inputs, self.features = (torch.from_numpy(array).to(self.device) for array in (inputs, features))
        self.labels = None if labels is None else torch.from_numpy(labels).to(self.device)
        self.make_loss = make_loss
        self.bits = bits
        self.batch_size = batch_size
        self.weight_decay = weight_decay
        self.seed = seed

    def head(self, hidden: int) -> torch.nn.Sequential:
        """A new head from inputs to `bits` outputs: linear, or with one hidden layer of so many units, if not 0."""
        from torch.nn import Linear, ReLU, Sequential

        width = self.inputs.shape[1]
        layers = [Linear(width, hidden), ReLU(), Linear(hidden, self.bits)] if hidden else [Linear(width, self.bits)]
        return Sequential(*layers).to(self.device)

    def n_batches(self, n: int) -> int:
        """Into how many equal batches n rows fall, each of two at least: a remainder of one would have no pairs."""
        return max(1, min(-(-n // self.batch_size), n // 2))

    def train(
        self,
        rows: NDArray[np.int64],
        hidden: int,
        lr: float,
        epochs: int,
        after_epoch: Callable[[torch.nn.Sequential], None] = lambda head: None,
    ) -> torch.nn.Sequential:
        """Train a new head on some rows with Adam; on a CPU, the same seed and thread count give the same result.

        Parameters
        ----------
        rows : int64 (m,)
        hidden : see `head`
        after_epoch : is shown the head after each epoch

        Raises
        ------
        DivergedError
            the loss is no longer finite
        """
        kept = torch.from_numpy(rows).to(self.device)
        loss = self.make_loss(None if self.labels is None else self.labels[kept])
        name = f"hidden layer of {hidden}" if hidden else "linear"
        with torch.random.fork_rng():
            torch.manual_seed(self.seed)
            head = self.head(hidden)
            optimizer = torch.optim.Adam(head.parameters(), lr=lr, weight_decay=self.weight_decay, fused=True)
            n_batches = self.n_batches(len(kept))
            for epoch in track(f"training, {name}, lr {lr}", range(epochs), epochs, "epochs"):
                mean = 0.0
                for batch in torch.randperm(len(kept)).to(self.device).tensor_split(n_batches):
                    images = kept[batch]
                    value = loss(head(self.inputs[images]), self.features[images], batch, epoch)
                    optimizer.zero_grad()
                    value.backward()  # type: ignore[no-untyped-call]
                    optimizer.step()
                    mean += value.item() / n_batches
                if not np.isfinite(mean):
                    raise DivergedError(
                        f"training diverged: the loss of epoch {epoch + 1} is {mean}; lower lr (now {lr})"
                    )
                after_epoch(head)
        return head
