"""Choose head, learning rate and number of epochs on a validation part of the training images."""

import logging
from collections import deque
from collections.abc import Callable, Sequence
from copy import deepcopy
from itertools import product
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.metrics import label_ranking_average_precision_score

from l2h.errors import L2HError
from l2h.hashing.deep.training import DivergedError, Loss, MakeLoss, Trainer, count_batches, parameters_of

# from the validation images' outputs, float (n, bits), and features, float (n, d), and the training loss; higher is
# better, and the later values break ties of the first
Measure = Callable[[torch.Tensor, torch.Tensor, Loss], tuple[float, ...]]

_log = logging.getLogger("l2h")


class NoChoiceError(L2HError):
    """A validation part that is unsuitable for a choice."""


def select(
    trainer: Trainer, share: float, heads: Sequence[int], rates: Sequence[float], epochs: int
) -> tuple[torch.nn.Sequential, dict[str, Any]]:
    """Train every head at every learning rate, and return the one with the best validation score.

    Heads are scored after each epoch, by `criterion`. If no validation part is possible, the first head is trained at
    the first rate on all images to the last epoch, with a warning.

    Parameters
    ----------
    share : of the training images that are held out for validation
    heads : widths of the hidden layer, 0 for none
    rates : learning rates
    epochs : of each training

    Returns
    -------
    head : after its best epoch
    record : hidden, lr and epochs of this head; criterion, None if nothing could be chosen, with the reason in
        not_chosen; images, the number of validation images; tied, the number of epochs with the best score, of which
        the lowest loss was chosen; and the curves: dicts of hidden, lr and scores, one per epoch, higher is better

    Raises
    ------
    DivergedError
        every training diverges
    """
    n = trainer.inputs.shape[1]
    try:
        labels = None if trainer.labels is None else trainer.labels.cpu().numpy() > 0
        validation, rest = validation_part(n, share, trainer.seed, labels)
    except NoChoiceError as error:
        _log.warning("%s; trained on all images instead, at the first lr, to the last epoch", error)
        head = trainer.train(np.arange(n), heads[0], rates[0], epochs)
        return head, {"hidden": heads[0], "lr": rates[0], "epochs": epochs, **unchosen(error)}
    known = None if trainer.labels is None else trainer.labels[validation]
    name, measure = criterion(known, trainer.make_loss, trainer.batch_size, epochs)
    curves: list[dict[str, Any]] = []
    best: dict[str, Any] = {"score": (-np.inf,)}

    def score(head: torch.nn.Sequential, loss: Loss) -> None:
        curve = curves[-1]
        with torch.no_grad():
            outputs = head(trainer.inputs[0, validation])
            value = measure(outputs, trainer.features[0, validation], loss)
        curve["scores"].append(value[0])
        if value > best["score"]:
            best.update(score=value, head=deepcopy(head), curve=curve, epochs=len(curve["scores"]))

    for hidden, lr in product(heads, rates):
        curves.append({"hidden": hidden, "lr": lr, "scores": []})
        try:
            trainer.train(rest, hidden, lr, epochs, score)
        except DivergedError as error:
            _log.warning("%s", error)
    if "head" not in best:
        raise DivergedError(f"training diverged at once with every lr, {', '.join(map(str, rates))}; set lower ones")
    chosen = {"hidden": best["curve"]["hidden"], "lr": best["curve"]["lr"], "epochs": best["epochs"]}
    scores = [score for curve in curves for score in curve["scores"]]
    tied = scores.count(best["score"][0])
    _log.info(
        "chosen on %d validation images: %s, %s %.4f%s",
        len(validation),
        chosen,
        name,
        best["score"][0],
        f", shared by {tied} of {len(scores)} epochs; the one with the lowest loss was chosen" if tied > 1 else "",
    )
    return best["head"], {
        **chosen,
        "criterion": name,
        "images": len(validation),
        "tied": tied,
        "curves": curves,
    }


def unchosen(error: NoChoiceError) -> dict[str, Any]:
    """The record if nothing could be chosen."""
    return {"criterion": None, "images": 0, "not_chosen": str(error)}


def validation_part(
    n: int, share: float, seed: int, labels: NDArray[np.bool_] | None = None
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Split n training images into validation rows and training rows, both int64.

    Validation images are drawn at random. One that shares no label with another validation image has nothing to find:
    such images are swapped so that they get partners, as long as two images of each label remain for training. They
    are in random order: a loss processes them in batches, and a dataset may be sorted by class.

    Parameters
    ----------
    labels : (n, c) multi-hot, for a method that uses them

    Raises
    ------
    NoChoiceError
        one of the parts would be too small, or no two validation images would share a label
    """
    order = np.random.default_rng(seed).permutation(n)
    count = round(share * n)
    what = f"nothing can be chosen on validation={share} of {n} training images"
    if count < 3 or n - count < 2:
        raise NoChoiceError(f"{what}, too small a part; set validation: 0")
    validation, rest = order[:count], order[count:]
    if labels is not None:
        _pair(validation, rest, labels)
        if not _paired(validation, labels).any():
            raise NoChoiceError(f"{what}, of which no two share a label; set validation: 0, or give more of each class")
    return validation, np.sort(rest)


def _paired(rows: NDArray[np.int64], labels: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Whether each of these rows shares a label with another one."""
    return (labels[rows] & (labels[rows].sum(axis=0) > 1)).any(axis=1)


def _pair(validation: NDArray[np.int64], rest: NDArray[np.int64], labels: NDArray[np.bool_]) -> None:
    """Swap validation rows without a partner for partners of other such rows, in place."""
    lone = deque(np.flatnonzero(~_paired(validation, labels)).tolist())
    left = labels[rest].sum(axis=0)  # training images of each label
    partnerless: list[int] = []
    while len(lone) + len(partnerless) > 1 and lone:
        place = lone.popleft()
        shared = (labels[rest] & labels[validation[place]]).any(axis=1)
        partners = np.flatnonzero(shared & ~(labels[rest] & (left < 3)).any(axis=1))
        if not len(partners):
            partnerless.append(place)
            continue
        other = partnerless.pop() if partnerless else lone.pop()
        left += labels[validation[other]].astype(int) - labels[rest[partners[0]]]
        validation[other], rest[partners[0]] = rest[partners[0]], validation[other]


def criterion(labels: torch.Tensor | None, make_loss: MakeLoss, batch_size: int, epochs: int) -> tuple[str, Measure]:
    """The name of the validation score, and the function that computes it.

    With labels, the score is the mean average precision of the codes, with each validation image as a query for all
    others: none was trained on, like most of a real database. Ties (for example, if all scores are 1) are broken by
    the lower loss. Methods without labels are scored by minus their own loss. On MNIST it chose heads within .02 mAP
    of the best, while agreement with the features' neighbours chose some that were .2 below.

    Parameters
    ----------
    labels : float (n, c) multi-hot, of the validation images, or None
    make_loss, batch_size : as for `Trainer`
    epochs : of the training; the loss is always that of the last epoch
    """

    @torch.no_grad()
    def minus_loss(outputs: torch.Tensor, features: torch.Tensor, trained: Loss) -> float:
        loss = make_loss(labels)
        for name, parameter in parameters_of(loss).items():
            parameter.copy_(parameters_of(trained)[name])
        rows = torch.arange(len(outputs), device=outputs.device)
        batches = rows.tensor_split(count_batches(len(rows), batch_size))
        for _ in range(2):  # a loss with a bank of earlier outputs has all of them in the second pass
            values = [loss(outputs[batch], features[batch], batch, epochs - 1) for batch in batches]
        return -float(torch.stack(values).mean())

    if labels is None:
        return "minus the loss", lambda outputs, features, trained: (minus_loss(outputs, features, trained),)
    relevant = (labels @ labels.T > 0).cpu().numpy()
    return "mean average precision", lambda outputs, features, trained: (
        mean_average_precision(outputs > 0, relevant),
        minus_loss(outputs, features, trained),
    )


def mean_average_precision(bits: torch.Tensor, relevant: NDArray[np.bool_]) -> float:
    """Mean over rows, each a query for all others; tied items get the precision at the end of their tie.

    Parameters
    ----------
    bits : bool (n, bits)
    relevant : bool (n, n); its diagonal is ignored
    """
    codes = 2.0 * bits.float() - 1
    similarity = (codes @ codes.T).cpu().numpy()
    others = ~np.eye(len(codes), dtype=bool)
    found, scores = (table[others].reshape(len(codes), -1) for table in (relevant, similarity))
    some = found.any(axis=1)
    return float(label_ranking_average_precision_score(found[some], scores[some])) if some.any() else 0.0
