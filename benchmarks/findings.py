"""The effect of three faults in published or widely copied methods: CSQ's centres, SDH's codes, ITQ's rotation.

    python benchmarks/findings.py resources/mnist
    python benchmarks/findings.py resources/mnist --features resources/mnist/features/alexnet-pool5-*.parquet

The folder is a prepared dataset with one label per image, as written by a run. Methods use pixels from 0 to 1, or
features. Each seed draws new queries, training images and a database (including the training images), and is also the
methods' seed. The tables are in docs/explanation/findings.md.
"""

import argparse
import logging
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path

import faiss
import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr
from sklearn.metrics.pairwise import euclidean_distances

import l2h
from common import Draw, draw, table
from l2h import hashing
from l2h.codes import unpack
from l2h.datasets.images import iter_images
from l2h.hashing.base import Hasher
from l2h.hashing.centres import useful_bits
from l2h.hashing.shallow.pca import fit_pca
from l2h.hashing.shallow.rotation import random_rotation
from l2h.job import limit_threads
from l2h.store.features import read_features
from l2h.store.manifests import read_manifest

BATCH = 256
ITQ_BITS, ITERATIONS = 32, 50
ASKED = 100  # queries for the order within a class

Update = Callable[[NDArray, NDArray], NDArray]


def read(folder: Path, features: Path | None, images: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Features or pixels (n, d), and classes (n,), of random images of a dataset."""
    manifest = read_manifest(folder / "manifest.parquet")
    rows = np.sort(np.random.default_rng(0).permutation(len(manifest))[:images])
    ids = manifest["id"].to_numpy()[rows]
    classes = np.array([label for (label,) in manifest["labels"].take(rows).to_pylist()])
    if features:
        return read_features(features, ids), classes
    batches = [np.stack(batch) for _, batch in iter_images(folder / "images", manifest, BATCH, ids)]
    return np.concatenate(batches).reshape(len(ids), -1).astype(np.float32) / 255, classes


def encoded(hasher: Hasher, data: Draw) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Codes of the queries and of the database, bool (n, bits)."""
    query, database = (unpack(hasher.transform(features), hasher.bits) for features, _ in data[1:])
    return query, database


def mean_average_precision(query: NDArray[np.bool_], database: NDArray[np.bool_], data: Draw) -> float:
    """Of the rankings of the database by these codes, bool (n, bits)."""
    return l2h.evaluate(query, database, data.query[1], data.database[1]).value("map")


def spread(values: list[float]) -> str:
    """Mean and standard deviation."""
    return f"{np.mean(values):.3f} ± {np.std(values, ddof=1) if len(values) > 1 else 0:.3f}"


def csq(draws: list[Draw], epochs: int) -> Iterator[list[str]]:
    """Number of different bits of the centres, agreement of learned copies of a bit, and mAP."""
    for bits, kind in ((16, "first_rows"), (64, "first_rows"), (16, "separated"), (64, "separated")):
        precision, alike = [], []
        for seed, data in enumerate(draws):
            params = {"centres": kind, "epochs": epochs}
            hasher = hashing.make("csq", bits=bits, random_state=seed, **params).fit(*data.train)
            query, database = encoded(hasher, data)
            precision.append(mean_average_precision(query, database, data))
            alike.append(agreement(hasher.centres_, database))
        columns = np.unique(hasher.centres_, axis=1).shape[1]
        constant = int((hasher.centres_ == hasher.centres_[0]).all(axis=0).sum())
        cells = [str(columns), str(constant), f"{np.mean(alike):.3f}" if columns < bits else ""]
        yield [f"`{kind}`", str(bits), *cells, spread(precision)]


def agreement(centres: NDArray, codes: NDArray[np.bool_]) -> float:
    """Share of images whose codes (n, bits) agree in two bits that are equal in the centres (c, bits)."""
    equal = np.triu((centres.T @ centres) == len(centres), 1)
    signs = 2.0 * codes - 1
    return float(((1 + signs.T @ signs / len(codes)) / 2)[equal].mean()) if equal.any() else 1.0


def sdh(draws: list[Draw]) -> Iterator[list[str]]:
    """Learned codes per class, their share, codes of the database, mAP, and order within a class."""
    cases = [("sdh", {"nu": nu}) for nu in (1e-5, 1e-3, 1e-2)]
    for bits, (name, params) in product((32, 64), [*cases, ("hadamard_ridge", {}), ("itq", {})]):
        found: dict[str, list[float]] = {}
        for seed, data in enumerate(draws):
            hasher = hashing.make(name, bits=bits, random_state=seed, **params).fit(*data.train)
            query, database = encoded(hasher, data)
            values = {
                "searched": np.mean([len(codes) for codes, _ in by_class(database, data.database[1])]),
                "map": mean_average_precision(query, database, data),
                "order": order_within(query, database, data),
            }
            if name == "sdh":
                learned = list(by_class(hasher.codes_, data.train[1]))
                commonest = np.stack([codes[counts.argmax()] for codes, counts in learned])
                values["learned"] = np.mean([len(codes) for codes, _ in learned])
                values["commonest"] = np.mean([counts.max() / counts.sum() for _, counts in learned])
                values["bits"] = useful_bits(commonest)
            for key, value in values.items():
                found.setdefault(key, []).append(float(value))
        label = f"`{name}`, nu {params['nu']:g}" if params else f"`{name}`"
        own = ["", "", ""]
        if name == "sdh":
            own = [f"{np.mean(found['learned']):.1f}", f"{np.mean(found['commonest']):.0%}"]
            own.append(f"{np.mean(found['bits']):.1f}")
        own.append(f"{np.mean(found['searched']):.0f}")
        yield [label, str(bits), *own, *(spread(found[key]) for key in ("map", "order"))]


def by_class(codes: NDArray, classes: NDArray) -> Iterator[tuple[NDArray, NDArray]]:
    """The different codes of each class, and their numbers of images."""
    for one in np.unique(classes):
        yield np.unique(codes[classes == one], axis=0, return_counts=True)


def order_within(query: NDArray[np.bool_], database: NDArray[np.bool_], data: Draw) -> float:
    """Rank correlation of Hamming distance and distance of features, over a query's own class in the database.

    The mean over queries; 0 for a query with equal distances to all of its class.
    """
    values = []
    for code, features, one in zip(query[:ASKED], *data.query, strict=False):
        own = data.database[1] == one
        hamming = (database[own] != code).sum(axis=1)
        distance = euclidean_distances(features[None], data.database[0][own])[0]
        values.append(spearmanr(hamming, distance).statistic if np.ptp(hamming) else 0.0)
    return float(np.mean(values))


def procrustes(projected: NDArray, signs: NDArray) -> NDArray:
    """The rotation that brings projected data closest to signs: W U' of the SVD B' V = U S W'."""
    u, _, wt = np.linalg.svd(signs.T @ projected)
    return wt.T @ u.T


def copied(projected: NDArray, signs: NDArray) -> NDArray:
    """The same with one transpose too many: W' U'."""
    u, _, wt = np.linalg.svd(signs.T @ projected)
    return wt @ u.T


def rotations(projected: NDArray, first: NDArray, update: Update) -> Iterator[NDArray]:
    """The initial rotation, and the one after each iteration."""
    yield first
    for _ in range(ITERATIONS):
        first = update(projected, np.where(projected @ first < 0, -1.0, 1.0))
        yield first


def by_faiss(projected: NDArray, first: NDArray, iterations: int) -> NDArray:
    """The rotation that faiss's ITQMatrix learns from the same start."""
    matrix = faiss.ITQMatrix(projected.shape[1])
    matrix.max_iter = iterations
    faiss.copy_array_to_vector(first.ravel(), matrix.init_rotation)
    matrix.train(projected.astype(np.float32))
    return faiss.vector_to_array(matrix.A).reshape(first.shape).T


def loss(projected: NDArray, rotation: NDArray) -> float:
    """Squared distance of an image's rotated projection to its code, the mean over images."""
    rotated = projected @ rotation
    return float(np.mean(((np.abs(rotated) - 1) ** 2).sum(axis=1)))


def itq(draws: list[Draw]) -> Iterator[list[str]]:
    """Loss before and after some iterations, its lowest, and the mAP after the last; from the same first rotations."""
    shown = (0, 1, 3, 10, ITERATIONS)
    losses: dict[str, list[list[float]]] = {}
    precision: dict[str, list[float]] = {}
    for seed, data in enumerate(draws):
        pca = fit_pca(data.train[0].astype(np.float64), ITQ_BITS, seed)
        projected, query, database = (pca.transform(part) for part, _ in data)
        first = random_rotation(ITQ_BITS, np.random.RandomState(seed))
        own, copy = (list(rotations(projected, first, update)) for update in (procrustes, copied))
        found = {
            "W U', the solution": [own[number] for number in shown],
            "W' U', copied": [copy[number] for number in shown],
            "faiss's `ITQMatrix`": [first, *(by_faiss(projected, first, number) for number in shown[1:])],
            "none: a random rotation": [first] * len(shown),
        }
        for name, matrices in found.items():
            losses.setdefault(name, []).append([loss(projected, matrix) for matrix in matrices])
            value = mean_average_precision(query @ matrices[-1] > 0, database @ matrices[-1] > 0, data)
            precision.setdefault(name, []).append(value)
    for name, values in losses.items():
        yield [name, *(f"{value:.2f}" for value in np.mean(values, axis=0)), spread(precision[name])]


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, help="such as resources/<dataset>")
    parser.add_argument("--features", type=Path, help="file of its features, instead of pixels")
    parser.add_argument("--only", nargs="+", choices=("csq", "sdh", "itq"), default=("csq", "sdh", "itq"))
    parser.add_argument("--seeds", type=int, default=3, help="number of seeds (default: 3)")
    parser.add_argument("--images", type=int, default=5000, help="training images (default: 5000)")
    parser.add_argument("--queries", type=int, default=1000)
    parser.add_argument("--database", type=int, default=20_000)
    parser.add_argument("--epochs", type=int, default=30, help="of CSQ (default: 30)")
    arguments = parser.parse_args()
    limit_threads(1)
    logging.getLogger("l2h").setLevel(logging.ERROR)
    pool = read(arguments.folder, arguments.features, arguments.queries + arguments.database)
    sizes = arguments.images, arguments.queries, arguments.database
    draws = [draw(*pool, seed, *sizes) for seed in range(arguments.seeds)]
    if "csq" in arguments.only:
        head = ["centres", "bits", "different bits", "constant bits", "agreement of learned copies", "mAP"]
        table("CSQ", head, csq(draws, arguments.epochs))
    if "sdh" in arguments.only:
        learned = ["codes a class, learned", "images with their class's commonest", "bits that these use"]
        head = ["method", "bits", *learned, "codes a class, database", "mAP", "order within a class"]
        table("SDH", head, sdh(draws))
    if "itq" in arguments.only:
        head = ["rotation", *(f"loss, {number} its." for number in (0, 1, 3, 10, ITERATIONS)), "mAP"]
        table("ITQ", head, itq(draws))


if __name__ == "__main__":
    main()
