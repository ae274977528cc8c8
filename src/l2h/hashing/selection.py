"""Choose head, learning rate and number of epochs on a validation part of the training images."""

import logging
from collections.abc import Callable, Sequence
from copy import deepcopy
from functools import partial
from itertools import product
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from l2h.errors import L2HError
from l2h.hashing.training import DivergedError, Loss, Trainer, count_batches

# of the validation images' outputs, float (n, bits), and features, float (n, d), and the epoch; higher is better
Measure = Callable[[torch.Tensor, torch.Tensor, int], float]

_log = logging.getLogger("l2h")


def select(
    trainer: Trainer, share: float, heads: Sequence[int], rates: Sequence[float], epochs: int
) -> tuple[torch.nn.Sequential, dict[str, Any]]:
    """Train every head at every learning rate on the one part, and keep the one whose codes score best on the other.

    Heads are scored after each epoch, by `criterion`.

    Parameters
    ----------
    share : of the training images that validate
    heads : widths of the hidden layer, 0 for none
    rates : learning rates
    epochs : of each training

    Returns
    -------
    head : as it was after its best epoch
    record : hidden, lr and epochs of this head; criterion, images (how many validate), and the curves: one dict each
        of hidden, lr and scores, one an epoch, higher is better

    Raises
    ------
    L2HError
        the validation part would be too small to choose on, or every training diverges
    """
    validation, rest = validation_part(trainer.inputs.shape[1], share, trainer.seed)
    labels = None if trainer.labels is None else trainer.labels[validation]
    name, measure = criterion(labels, trainer.make_loss, trainer.batch_size)
    curves: list[dict[str, Any]] = []
    best: dict[str, Any] = {"score": -np.inf}

    def score(head: torch.nn.Sequential) -> None:
        curve = curves[-1]
        with torch.no_grad():
            outputs = head(trainer.inputs[0, validation])
            value = measure(outputs, trainer.features[0, validation], len(curve["scores"]))
        curve["scores"].append(value)
        if value > best["score"]:
            best.update(score=value, head=deepcopy(head), curve=curve, epochs=len(curve["scores"]))

    for hidden, lr in product(heads, rates):
        curves.append({"hidden": hidden, "lr": lr, "scores": []})
        try:
            trainer.train(rest, hidden, lr, epochs, score)
        except DivergedError as error:
            _log.warning("%s", error)
    if "head" not in best:
        raise DivergedError(f"training diverged at once with every lr, {', '.join(map(str, rates))}; give lower ones")
    chosen = {"hidden": best["curve"]["hidden"], "lr": best["curve"]["lr"], "epochs": best["epochs"]}
    _log.info("chosen on %d validation images: %s, %s %.4f", len(validation), chosen, name, best["score"])
    return best["head"], {**chosen, "criterion": name, "images": len(validation), "curves": curves}


def validation_part(n: int, share: float, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows, of n training images, that validate, and those that are trained on; both int64.

    Those that validate are in random order: a loss looks at them in batches, and a data set may be sorted by class.

    Raises
    ------
    L2HError
        one of them would be too small
    """
    order = np.random.default_rng(seed).permutation(n)
    count = round(share * n)
    if count < 3 or n - count < 2:
        raise L2HError(f"validation={share} of {n} training images is too small a part to choose on; set it to 0")
    return order[:count], np.sort(order[count:])


def criterion(
    labels: torch.Tensor | None, make_loss: Callable[[torch.Tensor | None], Loss], batch_size: int
) -> tuple[str, Measure]:
    """What validation images are scored by, in words, and the measure.

    Where there are labels, it is their codes' mean average precision, each validation image a query for all the others:
    none of them was trained on, as most of a real database. Methods that see no labels are scored by minus their own
    loss: on MNIST it chose heads within .02 of the best, where agreement with the features' own neighbours chose some
    that were .2 below.

    Parameters
    ----------
    labels : float (n, c) multi-hot, of the validation images, or None
    make_loss, batch_size : as for `Trainer`
    """
    if labels is None:
        return "minus the loss", partial(_minus_loss, make_loss(None), batch_size)
    return "mean average precision", partial(_precision, (labels @ labels.T > 0).cpu().numpy())


def _minus_loss(loss: Loss, batch_size: int, outputs: torch.Tensor, features: torch.Tensor, epoch: int) -> float:
    rows = torch.arange(len(outputs))
    batches = rows.tensor_split(count_batches(len(rows), batch_size))
    values = [loss(outputs[batch], features[batch], batch, epoch) for batch in batches]
    return -float(torch.stack(values).mean())


def _precision(relevant: NDArray[np.bool_], outputs: torch.Tensor, features: torch.Tensor, epoch: int) -> float:
    return mean_average_precision(outputs > 0, relevant)


def mean_average_precision(bits: torch.Tensor, relevant: NDArray[np.bool_]) -> float:
    """Mean over rows, each a query for all others; what is tied counts with the precision at the tie's end.

    Parameters
    ----------
    bits : bool (n, bits)
    relevant : bool (n, n); its diagonal is not looked at
    """
    from sklearn.metrics import label_ranking_average_precision_score

    codes = 2.0 * bits.float() - 1
    similarity = (codes @ codes.T).cpu().numpy()
    others = ~np.eye(len(codes), dtype=bool)
    found, scores = (table[others].reshape(len(codes), -1) for table in (relevant, similarity))
    some = found.any(axis=1)
    return float(label_ranking_average_precision_score(found[some], scores[some])) if some.any() else 0.0
