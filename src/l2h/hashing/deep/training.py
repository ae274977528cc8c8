"""The training loop that deep methods share."""

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import Linear, ReLU, Sequential

from l2h import device as devices
from l2h.errors import L2HError
from l2h.progress import track


class DivergedError(L2HError):
    """A loss that is no longer finite."""


class Loss(Protocol):
    """A method's loss, made for one training set.

    What it remembers from batch to batch stands in attributes that are tensors: checkpoints keep these.
    """

    def __call__(self, outputs: torch.Tensor, features: torch.Tensor, rows: torch.Tensor, epoch: int) -> torch.Tensor:
        """The batch's loss.

        outputs : float (m, bits), the hash layer's values before any sign
        features : float (m, d), as extracted
        rows : int64 (m,), which rows of the training set these are
        epoch : from 0
        """


def make_head(width: int, hidden: int, bits: int) -> Sequential:
    """A new head from `width` inputs to `bits` outputs: linear, or with one hidden layer of so many units, if not 0."""
    layers = [Linear(width, hidden), ReLU(), Linear(hidden, bits)] if hidden else [Linear(width, bits)]
    return Sequential(*layers)


def count_batches(n: int, batch_size: int) -> int:
    """Into how many equal batches n rows fall, each of two at least: a remainder of one would have no pairs."""
    return max(1, min(-(-n // batch_size), n // 2))


def train_epoch(optimizer: torch.optim.Optimizer, losses: Iterable[torch.Tensor], epoch: int, lr: float) -> float:
    """Take a step down each batch's loss, as they come, and return their mean.

    Raises
    ------
    DivergedError
        it is no longer finite
    """
    values = []
    for loss in losses:
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        values.append(loss.item())
    mean = float(np.mean(values))
    if not np.isfinite(mean):
        raise DivergedError(f"training diverged: the loss of epoch {epoch + 1} is {mean}; lower lr (now {lr})")
    return mean


class Trainer:
    """Training images on their device, and what does not change from one training to the next.

    Parameters
    ----------
    inputs : float32 (v, n, d), what the head sees: v views of each image, the first as it is. Each time an image comes
        up in training, chance chooses its view
    features : float32 (v, n, d), what the loss sees
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
        hidden : units of the hidden layer, 0 for none
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
            head = make_head(self.inputs.shape[2], hidden, self.bits).to(self.device)
            optimizer = torch.optim.Adam(head.parameters(), lr=lr, weight_decay=self.weight_decay, fused=True)
            n_views = len(self.inputs)
            n_batches = count_batches(len(kept), self.batch_size)

            def losses(epoch: int) -> Iterator[torch.Tensor]:
                for batch in torch.randperm(len(kept)).to(self.device).tensor_split(n_batches):
                    images = kept[batch]
                    views = torch.randint(n_views, (len(batch),)).to(self.device) if n_views > 1 else 0
                    yield loss(head(self.inputs[views, images]), self.features[views, images], batch, epoch)

            for epoch in track(f"training, {name}, lr {lr}", range(epochs), epochs, "epochs"):
                train_epoch(optimizer, losses(epoch), epoch, lr)
                after_epoch(head)
        return head
