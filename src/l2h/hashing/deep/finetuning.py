"""Training at scope `full`: backbone and head together, from images; resumes after the last complete epoch."""

import json
import logging
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_random_state

from l2h import backbones, device
from l2h.backbones.extraction import forward
from l2h.errors import L2HError
from l2h.hashing.deep.full import FullMethod
from l2h.hashing.deep.inputs import Activations, Inputs, Pixels, Read, Rows
from l2h.hashing.deep.network import HashNetwork, build
from l2h.hashing.deep.selection import NoChoiceError, criterion, unchosen, validation_part
from l2h.hashing.deep.training import (
    DivergedError,
    Loss,
    adam,
    count_batches,
    folded,
    keep,
    seeded,
    tensors_of,
    train_epoch,
)
from l2h.hashing.labels import multi_hot
from l2h.progress import track
from l2h.store.models import read_checkpoint, write_checkpoint

SAMPLE = 1024  # maximum number of training images for the activations' mean and scale

_log = logging.getLogger("l2h")


def finetune(
    full: FullMethod,
    entry: Mapping[str, Any],
    weights: str | Path,
    read: Read,
    y: ArrayLike,
    *,
    flip: bool,
    checkpoint: Path,
    identity: Mapping[str, Any],
) -> tuple[HashNetwork, dict[str, Any] | None]:
    """Train a network on images, or resume an interrupted training.

    On a CPU, the same seed and thread count give the same weights, bit for bit, interrupted or not. Adam's learning
    rate decays from `lr` to 0 along a cosine over the epochs. As at other scopes, a validation part selects the best
    epoch, and stops the training when the score no longer improves.

    Parameters
    ----------
    entry, weights : see `HashNetwork` and `l2h.hashing.deep.network.build`
    read : returns the images, uint8, of training rows, int64 (m,) in 0..n-1, in a form for `extraction.preprocess`;
        called in a thread
    y : labels of the n training images, int (n,) classes or bool (n, c) multi-hot
    flip : mirror half of the images
    checkpoint : path of the state, written after each epoch; the caller deletes it at the end
    identity : everything that the training depends on; a checkpoint with another identity is ignored

    Returns
    -------
    network : in eval mode, after its best epoch
    record : like that of `l2h.hashing.deep.selection.select`, for one training: epochs (the best), criterion, images,
        tied and scores (one per epoch, higher is better), or not_chosen; None without a validation part

    Raises
    ------
    DivergedError
        the loss is no longer finite, and no earlier epoch was scored
    """
    seed = int(check_random_state(full.method.random_state).randint(2**31))
    labels = multi_hot(y, np.shape(y)[0], type(full.method).__name__).astype(np.float32)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = build(entry, weights, full.hidden, full.method.bits, full.method.batch_norm)
        training = _Training(full, network, read, labels, flip, seed, checkpoint.parent)
        identity = json.loads(json.dumps({**identity, "torch": torch.__version__, "device": training.device.type}))
        if not training.resume(checkpoint, identity):
            training.standardise()
        while not training.is_done():
            try:
                training.one_epoch()
            except DivergedError as error:
                if not training.best:
                    raise
                _log.warning("%s; the best network so far is used", error)
                break
            training.save(checkpoint, identity)
    return training.result()


class _Training:
    """State of a training between two epochs; arguments as for `finetune`."""

    def __init__(
        self,
        full: FullMethod,
        network: HashNetwork,
        read: Read,
        labels: NDArray[np.float32],
        flip: bool,
        seed: int,
        folder: Path,
    ):
        self.full, self.seed = full, seed
        self.method = method = full.method
        self.device = device.choose(method.device)
        self.network: HashNetwork = network.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.inputs = self._inputs(read, len(labels), flip, folder)
        self.validation, self.rows = np.arange(0), np.arange(len(labels))
        self.unchosen: dict[str, Any] | None = None
        if method.validation:
            try:
                known_labels = labels > 0 if method.supervised else None
                self.validation, self.rows = validation_part(len(labels), method.validation, seed, known_labels)
            except NoChoiceError as error:
                _log.warning("%s; trained on all images instead, to the last epoch", error)
                self.unchosen = {"epochs": method.epochs, **unchosen(error)}
        known, asked = (torch.from_numpy(labels[part]).to(self.device) for part in (self.rows, self.validation))
        make_loss = seeded(method.loss, seed)
        self.loss: Loss = make_loss(known if method.supervised else None)
        keep(self.network.loss, self.loss, method.kept())
        self.criterion, self.measure = criterion(
            asked if method.supervised else None, make_loss, method.batch_size, method.epochs
        )
        self.optimizer = adam(network.head.parameters(), self.loss, full.lr, method.weight_decay)
        if full.backbone_lr:
            backbone = {"params": self.inputs.network.parameters(), "lr": full.lr * full.backbone_lr}
            self.optimizer.add_param_group(backbone)
        self.rates = [group["lr"] for group in self.optimizer.param_groups]
        self.epoch = 0  # number of finished epochs
        self.scores: list[tuple[float, ...]] = []
        self.best: dict[str, torch.Tensor] = {}

    @property
    def best_epoch(self) -> int:
        """The first epoch, from 1, with the best score."""
        return 1 + self.scores.index(max(self.scores))

    def is_done(self) -> bool:
        """True if all epochs are done, or the last ones did not improve the score."""
        waited = len(self.scores) - self.best_epoch if self.scores else 0
        return self.epoch >= self.method.epochs or waited >= self.full.patience

    def standardise(self) -> None:
        """Compute the activations' mean and common scale on some training images, before training."""
        some = self.rows[torch.randperm(len(self.rows))[:SAMPLE].numpy()]
        features = self._infer(some)[0].double()
        centred = features - features.mean(0)
        self.network.mean.copy_(features.mean(0))
        self.network.scale.copy_(centred.square().mean().sqrt())
        if self.network.scale == 0:
            self.network.scale.fill_(1)

    def one_epoch(self) -> None:
        """Train on each image once, then score the network, and store it if it is the best so far."""
        # each epoch has its own seed, so a checkpoint need not store the generator's state
        torch.manual_seed(self.seed + 1 + self.epoch)
        fall = (1 + math.cos(math.pi * self.epoch / self.method.epochs)) / 2
        for group, lr in zip(self.optimizer.param_groups, self.rates, strict=True):
            group["lr"] = lr * fall
        self.network.train()
        self.network.backbone.eval()
        self.inputs.network.train(bool(self.full.backbone_lr))
        mean = train_epoch(self.optimizer, self._losses(), self.epoch, self.rates[0])
        self.epoch += 1
        line = f"epoch {self.epoch}: loss {mean:.4f}"
        if len(self.validation):
            features, outputs = self._infer(self.validation)
            self.scores.append(self.measure(outputs, features, self.loss))
            best = max(self.scores)[0]
            line += f", {self.criterion} {self.scores[-1][0]:.4f}, best {best:.4f} of epoch {self.best_epoch}"
            if self.best_epoch == self.epoch:
                self.best = {name: tensor.cpu().clone() for name, tensor in self.network.state_dict().items()}
        _log.info("%s", line)

    def result(self) -> tuple[HashNetwork, dict[str, Any] | None]:
        """The network and record that `finetune` returns."""
        if self.best:
            self.network.load_state_dict(self.best)
        self.network.eval()
        self.network.head = folded(self.network.head)
        if not self.best:
            return self.network, self.unchosen
        scores = [score for score, *_ in self.scores]
        return self.network, {
            "epochs": self.best_epoch,
            "criterion": self.criterion,
            "images": len(self.validation),
            "tied": scores.count(max(scores)),
            "scores": scores,
        }

    def save(self, path: Path, identity: Mapping[str, Any]) -> None:
        """Write a checkpoint."""
        tensors = {f"network.{name}": tensor for name, tensor in self.network.state_dict().items()}
        tensors |= {f"best.{name}": tensor for name, tensor in self.best.items()}
        tensors |= {f"loss.{name}": tensor for name, tensor in tensors_of(self.loss).items()}
        for number, parameter in enumerate(self._parameters()):
            state = self.optimizer.state[parameter]
            tensors |= {f"optimizer.{number}.{name}": tensor for name, tensor in state.items()}
        description = {"identity": identity, "epoch": self.epoch, "scores": self.scores}
        write_checkpoint(path, description, {name: tensor.detach().cpu().numpy() for name, tensor in tensors.items()})

    def resume(self, path: Path, identity: Mapping[str, Any]) -> bool:
        """Resume from a valid checkpoint of this training; log a warning if it is damaged or of another training."""
        if not path.exists():
            return False
        try:
            description, arrays = read_checkpoint(path)
        except L2HError as error:
            _log.warning("%s; training starts from the beginning", error)
            return False
        other = description["identity"]
        differing = sorted(key for key in {*other, *identity} if other.get(key) != identity.get(key))
        if differing:
            _log.warning(
                "%s belongs to a training with other %s; training starts from the beginning", path, ", ".join(differing)
            )
            return False
        parts: dict[str, dict[str, torch.Tensor]] = {kind: {} for kind in ("network", "best", "loss", "optimizer")}
        for whole_name, array in arrays.items():
            kind, _, name = whole_name.partition(".")
            parts[kind][name] = torch.from_numpy(array)
        self.network.load_state_dict(parts["network"])
        self.best = parts["best"]
        for name, tensor in tensors_of(self.loss).items():
            tensor.detach().copy_(parts["loss"][name])
        for number, parameter in enumerate(self._parameters()):
            # the same memory layout as the parameter: the fused step needs it
            self.optimizer.state[parameter] = {
                "step": parts["optimizer"][f"{number}.step"].to(self.device),
                **{
                    name: torch.empty_like(parameter).copy_(parts["optimizer"][f"{number}.{name}"])
                    for name in ("exp_avg", "exp_avg_sq")
                },
            }
        self.epoch, self.scores = description["epoch"], [tuple(score) for score in description["scores"]]
        _log.info("%s: resuming after epoch %d", path, self.epoch)
        return True

    def _parameters(self) -> list[torch.Tensor]:
        return [parameter for group in self.optimizer.param_groups for parameter in group["params"]]

    def _inputs(self, read: Read, n: int, flip: bool, folder: Path) -> Inputs:
        """The inputs: images, or activations of the layers that are not trained."""
        start, how = self.full.train_from, dict(self.network.how)
        precision = how.pop("precision")
        backbone = self.network.backbone
        pixels = Pixels(backbone, read, self.device, **how, crop=self.full.crop and not start, flip=flip)
        if start is None:
            return pixels
        halves = backbones.registry.get(self.network.entry["name"])().halves(backbone, start)
        return Activations(
            halves,
            pixels,
            n,
            self.device,
            precision=precision,
            flip=flip,
            batch_size=self.method.batch_size,
            folder=folder,
        )

    def _losses(self) -> Iterator[torch.Tensor]:
        batches = torch.randperm(len(self.rows)).tensor_split(count_batches(len(self.rows), self.method.batch_size))
        inputs = self.inputs.varied([self.rows[batch.numpy()] for batch in batches])
        work = f"epoch {self.epoch + 1} of at most {self.method.epochs}"
        inputs = track(work, inputs, len(self.rows), "images", len(batches[0]))
        for batch, some in zip(batches, inputs, strict=True):
            with torch.set_grad_enabled(bool(self.full.backbone_lr)):
                features = forward(self.inputs.network, some, self.network.how["precision"])
            yield self.loss(self.network.hash(features), features.detach(), batch.to(self.device), self.epoch)

    @torch.inference_mode()
    def _infer(self, rows: Rows) -> tuple[torch.Tensor, torch.Tensor]:
        """Activations, float32 (m, width), and outputs (m, bits) of whole images, in eval mode."""
        self.network.eval()
        parts = np.array_split(rows, -(-len(rows) // self.method.batch_size))
        precision = self.network.how["precision"]
        features = torch.cat([forward(self.inputs.network, some, precision) for some in self.inputs.whole(parts)])
        return features, self.network.hash(features)
