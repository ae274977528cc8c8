"""The effect of learning rate, epochs and held-out images on deep methods with few training images.

    python benchmarks/small_sets.py resources/mnist/features/alexnet-pool5-*.parquet --trace small_sets.csv

A file of features must be in the folder of its dataset, as written by a run. Each seed draws new training images,
queries and a database from 20,000 images, and is also the method's random_state. Heads are linear. The mAP is over the
database without the training images (unseen), and with them (map), a large part of such a small database.
A method is trained twice at each rate: without its validation part, as `fit` does to choose, and on all training
images. With a constant rate, one long training gives the mAP after every number of epochs.

The trace has a line for each epoch of each training; cells in the trace are not trained again.
"""

import argparse
import logging
from collections.abc import Iterator
from copy import deepcopy
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

import l2h
from common import Draw, Floats, Labels, draw, table
from l2h import hashing
from l2h.hashing.deep.base import DeepHasher, several
from l2h.hashing.deep.selection import criterion, validation_part
from l2h.hashing.deep.training import Loss, Trainer, folded
from l2h.hashing.labels import multi_hot
from l2h.job import limit_threads
from l2h.store.features import read_features
from l2h.store.manifests import read_manifest
from l2h.store.tables import read_metadata

METHODS = ["bihalf", "greedyhash_unsupervised", "sdc", "dsh", "hashnet", "csq", "orthohash", "greedyhash"]
METHODS += ["dpsh", "dhn", "dpn"]
POOL = 20_000  # images to read
MARKS = {5, 10, 15, 20, 30, 45, 60}  # epochs with mAP
KEY = ["dataset", "images", "method", "bits", "seed", "lr", "epochs"]
COLUMNS = [*KEY, "rows", "epoch", "score", "minus_loss", "unseen", "map"]


def read_pool(path: Path) -> tuple[str, Floats, Labels]:
    """The dataset's name, and features and classes of a fixed random part of it."""
    manifest = read_manifest(path.parents[1] / "manifest.parquet")
    rows = np.random.default_rng(0).permutation(len(manifest))[:POOL]
    name = read_metadata(path, "dataset")["dataset"]
    classes = np.array([label for (label,) in manifest["labels"].take(rows).to_pylist()])
    return name, read_features(path, manifest["id"].to_numpy()[rows]), classes


class Trace:
    """Trainings of one method on one draw."""

    def __init__(self, hasher: DeepHasher, data: Draw):
        self.hasher, self.data = hasher, data
        features, classes = data.train
        self.mean = features.mean(axis=0)
        self.scale = np.sqrt(np.mean((features - self.mean) ** 2))
        labels = multi_hot(classes, len(classes), "the method").astype(np.float32) if hasher.supervised else None
        self.trainer = Trainer(
            (features - self.mean)[None] / self.scale,
            features[None, :, :1] if hasher.supervised else features[None],  # a supervised loss ignores them
            labels,
            hasher.loss,
            bits=hasher.bits,
            batch_size=hasher.batch_size,
            weight_decay=hasher.weight_decay,
            device="cpu",
            seed=int(np.random.RandomState(hasher.random_state).randint(2**31)),
            batch_norm=hasher.batch_norm,
            kept=hasher.kept(),
        )
        known = None if labels is None else labels > 0
        self.validation, self.rest = validation_part(len(classes), hasher.validation, self.trainer.seed, known)
        asked = None if self.trainer.labels is None else self.trainer.labels[self.validation]
        self.measure = criterion(asked, self.trainer.make_loss, hasher.batch_size, hasher.epochs)[1]

    def lines(self, lr: float) -> Iterator[dict[str, Any]]:
        """A line for each epoch of two trainings, without the validation part and with it.

        A line has rows ("rest" or "all"), lr, epoch, score and minus_loss of the validation part (for "rest"), and
        unseen and map (at `MARKS`, at the epoch that the score chooses, and at the last one).
        """
        scores, heads = self._train(self.rest, lr)
        tested = {*MARKS, 1 + scores.index(max(scores)), len(scores)}
        for rows in ("rest", "all"):
            if rows == "all":
                heads = self._train(np.arange(len(self.data.train[0])), lr)[1]
            found = self._test({epoch: head for epoch, head in enumerate(heads, 1) if epoch in tested})
            for epoch, values in enumerate(scores, 1):
                own = {"score": values[0], "minus_loss": values[-1]} if rows == "rest" else {}
                yield {"rows": rows, "lr": lr, "epoch": epoch, **own, **found.get(epoch, {})}

    def _train(self, rows: Labels, lr: float) -> tuple[list[tuple[float, ...]], list[torch.nn.Linear]]:
        """Scores of the validation part, and linear heads, after each epoch."""
        scores, heads = [], []

        def after_epoch(head: torch.nn.Sequential, loss: Loss) -> None:
            with torch.no_grad():
                outputs = head(self.trainer.inputs[0, self.validation])
                scores.append(self.measure(outputs, self.trainer.features[0, self.validation], loss))
                heads.append(deepcopy(folded(head)[0]))

        self.trainer.train(rows, 0, lr, self.hasher.epochs, after_epoch)
        return scores, heads

    @torch.no_grad()
    def _test(self, heads: dict[int, torch.nn.Linear]) -> dict[int, dict[str, float]]:
        """The mAP of each head, with and without the training images."""
        weight = torch.cat([head.weight for head in heads.values()]) / self.scale
        bias = torch.cat([head.bias for head in heads.values()])
        parts = [torch.from_numpy(features - self.mean) for features, _ in (self.data.query, self.data.database)]
        scores = [torch.addmm(bias, part, weight.T).numpy() for part in parts]
        classes, found = (self.data.query[1], self.data.database[1]), {}
        trained = np.arange(len(classes[1])) < len(self.data.train[1])
        for number, epoch in enumerate(heads):
            bits = slice(number * self.hasher.bits, (number + 1) * self.hasher.bits)
            codes = (part[:, bits] > 0 for part in scores)
            values = l2h.evaluate(*codes, *classes, trained_on=trained)
            found[epoch] = {"unseen": values.value("map_unseen"), "map": values.value("map")}
        return found


def settings(cell: pd.DataFrame) -> dict[str, float]:
    """The mAP on unseen images of each setting, from a cell's lines of all rates.

    "chosen": rate and epoch of the highest score, as in `fit`; "refit": the same on all images; "last": the last epoch
    instead of the chosen one; the others are fixed rates and epochs, on all images.
    """
    values = cell.set_index(["rows", "lr", "epoch"])["unseen"]
    scored = cell[cell["rows"] == "rest"].sort_values(["score", "minus_loss"], ascending=False, kind="stable")
    lr, epoch = scored.iloc[0][["lr", "epoch"]]
    last = cell["epoch"].max()
    found = {"chosen": values["rest", lr, epoch], "refit": values["all", lr, epoch]}
    found |= {"last": values["rest", lr, last], "last, refit": values["all", lr, last]}
    fixed = product(sorted(cell["lr"].unique(), reverse=True), (10, 30, 60))
    return found | {f"{lr:g}, {epoch}": values["all", lr, epoch] for lr, epoch in fixed if epoch <= last}


def summary(trace: pd.DataFrame) -> Iterator[tuple[str, list[str], list[list[str]]]]:
    """Title, heading and rows of a table for each dataset, number of training images and code length.

    It has the mAP of the choice, and the gain of each setting, the mean over seeds and its standard error.
    """
    for (dataset, images, bits), part in trace.groupby(["dataset", "images", "bits"]):
        rows = []
        for (method, epochs), cells in part.groupby(["method", "epochs"], sort=False):
            found = pd.DataFrame([settings(cell) for _, cell in cells.groupby("seed")])
            chosen = found.pop("chosen")
            gains = found.sub(chosen, axis=0)
            texts = {name: f"{gain.mean():+.3f} ± {gain.sem():.3f}" for name, gain in gains.items()}
            refit = [texts.pop(name) for name in ("refit", "last", "last, refit")]
            fixed = "; ".join(f"{name}: {text}" for name, text in texts.items())
            rows.append([f"{method}, {epochs}", str(len(found)), f"{chosen.mean():.3f}", *refit, fixed])
        head = [
            "method, epochs",
            "seeds",
            "chosen",
            "refit",
            "last epoch",
            "last epoch, refit",
            "rate, epochs, on all images",
        ]
        yield f"{dataset}, {images} training images, {bits} bits", head, rows


def main() -> None:
    """Train the cells missing in the trace, and print tables of all cells."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("features", type=Path, help="such as resources/<dataset>/features/<backbone>.parquet")
    parser.add_argument("--trace", type=Path, required=True, help="CSV file to write or to continue")
    parser.add_argument("--methods", nargs="+", default=METHODS)
    parser.add_argument("--bits", nargs="+", type=int, default=[8, 32])
    parser.add_argument("--seeds", nargs="+", type=int, default=list(range(6)))
    parser.add_argument("--rates", nargs="+", type=float, help="instead of the method's defaults")
    parser.add_argument("--epochs", type=int, help="instead of the method's defaults")
    parser.add_argument("--images", type=int, default=2000, help="training images (default: 2000)")
    parser.add_argument("--queries", type=int, default=500)
    parser.add_argument("--database", type=int, default=3000, help="in addition to training images (default: 3000)")
    arguments = parser.parse_args()
    limit_threads(1)
    logging.getLogger("l2h").setLevel(logging.ERROR)
    known: set[tuple] = set()
    if arguments.trace.exists():
        known = set(pd.read_csv(arguments.trace)[KEY].itertuples(index=False, name=None))
    dataset, features, classes = read_pool(arguments.features)
    sizes = arguments.images, arguments.queries, arguments.images + arguments.database
    epochs = {"epochs": arguments.epochs} if arguments.epochs else {}
    for seed, method, bits in product(arguments.seeds, arguments.methods, arguments.bits):
        hasher: Any = hashing.make(method, bits=bits, random_state=seed, **epochs)
        rates = arguments.rates or several(hasher.lr)
        cells = {lr: (dataset, arguments.images, method, bits, seed, lr, hasher.epochs) for lr in rates}
        if known.issuperset(cells.values()):
            continue
        data = draw(features, classes, seed, *sizes)
        trace = Trace(hasher, data)
        for lr, cell in cells.items():
            if cell not in known:
                lines = pd.DataFrame(trace.lines(lr)).assign(**dict(zip(KEY, cell, strict=True)))
                new = not arguments.trace.exists()
                lines.to_csv(arguments.trace, mode="a", header=new, columns=COLUMNS, index=False, float_format="%.5f")
    for title, head, rows in summary(pd.read_csv(arguments.trace)):
        table(title, head, rows)


if __name__ == "__main__":
    main()
