"""Choose head, learning rate and number of epochs on a validation part of the training images."""

import logging
from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from l2h.errors import L2HError
from l2h.hashing.training import DivergedError, Trainer

NEIGHBOURS = 0.1  # of the other validation images, where no label says what is relevant

_log = logging.getLogger("l2h")


def select(trainer: Trainer, share: float, heads: Sequence[int], rates: Sequence[float], epochs: int) -> dict[str, Any]:
    """Train every head at every learning rate on the one part, and score its codes on the other after each epoch.

    The score is the mean average precision of the validation images' codes, each image a query for all the others:
    none of them was trained on, as most of a real database. Relevant are images that share a label or, for methods
    that see no labels, the nearest tenth by the features' cosine.

    Parameters
    ----------
    share : of the training images that validate
    heads : widths of the hidden layer, 0 for none
    rates : learning rates
    epochs : of each training

    Returns
    -------
    hidden, lr and epochs, which won; criterion, images (their number), and the curves: one dict each of hidden, lr
    and scores, one an epoch

    Raises
    ------
    L2HError
        the validation part would be too small to choose on, or every training diverges
    """
    n = len(trainer.inputs)
    rows = np.random.default_rng(trainer.seed).permutation(n)
    count = round(share * n)
    if count < 3 or n - count < 2:
        raise L2HError(f"validation={share} of {n} training images is too small a part to choose on; set it to 0")
    validation, rest = np.sort(rows[:count]), np.sort(rows[count:])
    if trainer.labels is None:
        criterion, relevant = "mAP, relevant by the features' cosine", _nearest(trainer.features[validation])
    else:
        labels = trainer.labels[validation]
        criterion, relevant = "mAP, relevant by labels", (labels @ labels.T > 0).cpu().numpy()
    curves: list[dict[str, Any]] = []
    for hidden, lr in product(heads, rates):
        scores: list[float] = []

        def score(head: torch.nn.Module, scores: list[float] = scores) -> None:
            with torch.no_grad():
                scores.append(_average_precision(head(trainer.inputs[validation]) > 0, relevant))

        try:
            trainer.train(rest, hidden, lr, epochs, score)
        except DivergedError as error:
            _log.warning("%s; this choice is out", error)
        else:
            curves.append({"hidden": hidden, "lr": lr, "scores": scores})
    if not curves:
        raise DivergedError(f"training diverged at every lr, {', '.join(map(str, rates))}; give lower ones")
    best = max(curves, key=lambda curve: max(curve["scores"]))
    chosen = {"hidden": best["hidden"], "lr": best["lr"], "epochs": int(np.argmax(best["scores"])) + 1}
    _log.info("chosen on %d validation images: %s, %s %.4f", count, chosen, criterion, max(best["scores"]))
    return {**chosen, "criterion": criterion, "images": count, "curves": curves}


def _nearest(features: torch.Tensor) -> NDArray[np.bool_]:
    """Which of the other rows are among the nearest by cosine, bool (n, n)."""
    unit = torch.nn.functional.normalize(features)
    similarity = (unit @ unit.T).fill_diagonal_(-2)
    count = max(1, round(NEIGHBOURS * (len(features) - 1)))
    return torch.zeros_like(similarity).scatter_(1, similarity.topk(count).indices, 1).bool().cpu().numpy()


def _average_precision(bits: torch.Tensor, relevant: NDArray[np.bool_]) -> float:
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
