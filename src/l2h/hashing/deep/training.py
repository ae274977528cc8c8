"""The training loop that deep methods share."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import BatchNorm1d, Linear, Module, Parameter, ReLU, Sequential
from torch.nn.utils import fuse_linear_bn_eval

from l2h import device as devices
from l2h.errors import L2HError
from l2h.progress import track


class DivergedError(L2HError):
    """A loss that is no longer finite."""


class Loss(Protocol):
    """A method's loss, made for one training set.

    State that lasts from batch to batch belongs in attributes that are tensors or modules, which checkpoints store.
    Every `torch.nn.Parameter` among them is trained with the head, at `lr_share` times its learning rate (1 if the loss
    has no such attribute) and with the loss's own `weight_decay` (default 0).
    """

    def __call__(self, outputs: torch.Tensor, features: torch.Tensor, rows: torch.Tensor, epoch: int) -> torch.Tensor:
        """The batch's loss.

        outputs : float (m, bits), the hash layer's values before the sign
        features : float (m, d), as extracted
        rows : int64 (m,), rows of the batch in the training set
        epoch : from 0
        """


MakeLoss = Callable[[torch.Tensor | None], Loss]


def make_head(width: int, hidden: int, bits: int, batch_norm: bool = False) -> Sequential:
    """Return a new head from `width` inputs to `bits` outputs: linear, or with one layer of `hidden` units.

    With `batch_norm`, a batch norm follows the last layer, which then has no bias.
    """
    layers = [Linear(width, hidden), ReLU()] if hidden else []
    last = Linear(hidden or width, bits, bias=not batch_norm)
    return Sequential(*layers, last, *([BatchNorm1d(bits)] if batch_norm else []))


def set_moments(norm: BatchNorm1d, outputs: torch.Tensor) -> None:
    """Set a batch norm to the exact moments of these outputs; running moments lag behind in a short training."""
    norm.running_mean, norm.running_var = outputs.mean(dim=0), outputs.var(dim=0)


def folded(head: Sequential) -> Sequential:
    """Return the head in eval mode, with its batch norm, if it has one, folded into the layer before."""
    head.eval()
    linear, norm = head[-2:] if len(head) > 1 else (None, None)
    if not isinstance(linear, Linear) or not isinstance(norm, BatchNorm1d):
        return head
    return Sequential(*head[:-2], fuse_linear_bn_eval(linear, norm))


def seeded(make_loss: MakeLoss, seed: int) -> MakeLoss:
    """Return a factory of losses with this seed of torch's global generator: the same random centres each time."""

    def make(labels: torch.Tensor | None) -> Loss:
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            return make_loss(labels)

    return make


def tensors_of(loss: Loss) -> dict[str, torch.Tensor]:
    """Return a loss's tensors by name: its attributes, and those of its modules or, if it is one, of itself."""
    modules = {name: value for name, value in vars(loss).items() if isinstance(value, Module)}
    tensors = {name: value for name, value in vars(loss).items() if isinstance(value, torch.Tensor)}
    if isinstance(loss, Module):
        modules[""] = loss
    for name, module in modules.items():
        tensors |= module.state_dict(prefix=name and f"{name}.", keep_vars=True)
    return tensors


def parameters_of(loss: Loss) -> dict[str, Parameter]:
    """Return the trainable parameters of a loss, by name."""
    return {name: tensor for name, tensor in tensors_of(loss).items() if isinstance(tensor, Parameter)}


def adam(head: Iterable[Parameter], loss: Loss, lr: float, weight_decay: float) -> torch.optim.Adam:
    """Return the optimiser of a head and, in a separate group, of the loss's parameters."""
    groups: list[dict[str, Any]] = [{"params": list(head)}]
    own = list(parameters_of(loss).values())
    if own:
        decay = getattr(loss, "weight_decay", 0.0)
        groups.append({"params": own, "lr": lr * getattr(loss, "lr_share", 1.0), "weight_decay": decay})
    return torch.optim.Adam(groups, lr=lr, weight_decay=weight_decay, fused=True)


def keep(module: Module, loss: Loss, names: Iterable[str]) -> None:
    """Register tensors of a loss as buffers of a module, so that they are copied and saved with it."""
    for name in names:
        module.register_buffer(name, getattr(loss, name.removesuffix("_")).detach())


def count_batches(n: int, batch_size: int) -> int:
    """Number of equal batches for n rows, each with at least two rows: a batch of one would have no pairs."""
    return max(1, min(-(-n // batch_size), n // 2))


def train_epoch(optimizer: torch.optim.Optimizer, losses: Iterable[torch.Tensor], epoch: int, lr: float) -> float:
    """Take an optimiser step for each batch's loss, and return their mean.

    Raises
    ------
    DivergedError
        the mean is no longer finite
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
    """Training images on their device, and the settings that all trainings share.

    Parameters
    ----------
    inputs : float32 (v, n, d), inputs of the head: v views of each image, the first unchanged. Each time an image is
        used in training, its view is drawn at random
    features : float32 (v, n, d), for the loss
    labels : float32 (n, c) multi-hot, or None
    make_loss : returns the loss, given the labels of the training rows on the device. It draws from torch's global
        generator
    batch_norm : whether a batch norm follows the hash layer
    kept : buffers of the trained head with tensors of the loss; see `keep`
    """

    def __init__(
        self,
        inputs: NDArray[np.float32],
        features: NDArray[np.float32],
        labels: NDArray[np.float32] | None,
        make_loss: MakeLoss,
        *,
        bits: int,
        batch_size: int,
        weight_decay: float,
        device: str,
        seed: int,
        batch_norm: bool = False,
        kept: Sequence[str] = (),
    ):
        self.device = devices.choose(device)
        self.inputs, self.features = (torch.from_numpy(array).to(self.device) for array in (inputs, features))
        self.labels = None if labels is None else torch.from_numpy(labels).to(self.device)
        self.make_loss = seeded(make_loss, seed)
        self.bits = bits
        self.batch_size = batch_size
        self.weight_decay = weight_decay
        self.seed = seed
        self.batch_norm = batch_norm
        self.kept = kept

    def train(
        self,
        rows: NDArray[np.int64],
        hidden: int,
        lr: float,
        epochs: int,
        after_epoch: Callable[[torch.nn.Sequential, Loss], None] = lambda head, loss: None,
    ) -> torch.nn.Sequential:
        """Train a new head on some rows with Adam; on a CPU, the same seed and thread count give the same result.

        Parameters
        ----------
        rows : int64 (m,)
        hidden : units of the hidden layer, 0 for none
        after_epoch : called with the head, in eval mode, and the loss after each epoch

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
            head = make_head(self.inputs.shape[2], hidden, self.bits, self.batch_norm).to(self.device)
            keep(head, loss, self.kept)
            optimizer = adam(head.parameters(), loss, lr, self.weight_decay)
            n_views = len(self.inputs)
            n_batches = count_batches(len(kept), self.batch_size)

            def losses(epoch: int) -> Iterator[torch.Tensor]:
                for batch in torch.randperm(len(kept)).to(self.device).tensor_split(n_batches):
                    images = kept[batch]
                    views = torch.randint(n_views, (len(batch),)).to(self.device) if n_views > 1 else 0
                    yield loss(head(self.inputs[views, images]), self.features[views, images], batch, epoch)

            for epoch in track(f"training, {name}, lr {lr}", range(epochs), epochs, "epochs"):
                train_epoch(optimizer, losses(epoch), epoch, lr)
                head.eval()
                if isinstance(head[-1], BatchNorm1d):
                    with torch.no_grad():
                        set_moments(head[-1], head[:-1](self.inputs[0, kept]))
                after_epoch(head, loss)
                head.train()
        return head.eval()
