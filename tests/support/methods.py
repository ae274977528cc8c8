"""The registered methods by kind, and short trainings of them on digits."""

import numpy as np
import pytest

from l2h import hashing
from l2h.errors import L2HError
from l2h.hashing.deep import DeepHasher
from l2h.hashing.scorer import Scorer
from l2h.metrics import average_precision
from l2h.ranking import rank_histogram

CLASSES = {name: hashing.registry.get(name) for name in hashing.registry.names()}
HASHERS = hashing.available()
DEEP = tuple(name for name in HASHERS if issubclass(CLASSES[name], DeepHasher))
SHALLOW = tuple(name for name in HASHERS if name not in DEEP and CLASSES[name].kind == "shallow")
SCORERS = tuple(name for name, method in CLASSES.items() if issubclass(method, Scorer))
SUPERVISED = tuple(name for name in HASHERS if CLASSES[name]().__sklearn_tags__().target_tags.required)

MOST_BITS = {"itq_cca": 9}  # on 10 classes: one less than there are
SHARED = {  # defaults of all deep methods
    **{"bits": 32, "scope": "linear", "hidden": 512, "epochs": 30, "lr": (1e-3, 3e-4), "validation": 0.1},
    **{"batch_size": 128, "weight_decay": 1e-5, "flip": None, "device": "auto", "random_state": None},
}


def quick(name, bits=12, seed=0, **params):
    """A method with fewer bits and epochs than its defaults; deep ones train on all images, at one rate."""
    short = {"epochs": 3, "lr": 1e-3, "validation": 0} if name in DEEP else {}
    bits = min(bits, MOST_BITS.get(name, bits))
    return hashing.make(name, bits=bits, random_state=seed, **{**short, **params})


def precision(hasher, X, labels, database=slice(1000, 1400), queries=slice(1400, None)):
    """Mean average precision of a fitted hasher's codes."""
    packed = hasher.transform(X)
    parts = packed[queries], packed[database], labels[queries], labels[database]
    return average_precision(rank_histogram(*parts, bits=hasher.bits)).mean()


def refused(name, words, **params):
    """Check that a method's parameters are an error that says so, with the method's name first."""
    with pytest.raises(L2HError, match=f"^{name}: {words}"):
        hashing.make(name, bits=8, **params)


def defaults(name):
    """A method's default parameters."""
    return CLASSES[name]().get_params()


def pairs_of(X, y):
    """Two images side by side, as in `digit_pairs`: features, and one label or two, bool (n, classes)."""
    order = np.random.default_rng(0).permutation(len(X) // 2 * 2).reshape(2, -1)
    labels = np.eye(y.max() + 1, dtype=bool)[y]
    return np.hstack(X[order]), labels[order[0]] | labels[order[1]]
