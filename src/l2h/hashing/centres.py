"""Class centres: a code of -1 and 1 for each class, far from those of all others."""

from itertools import combinations
from math import comb

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import hadamard

from l2h.errors import L2HError

Signs = NDArray[np.int8]

KINDS = ("separated", "first_rows", "bernoulli")
DRAWS = 10  # random sets of centres, from which the one with the most useful bits is kept
POOL = 16_384  # maximum number of balanced codes for the greedy search


def class_centres(classes: int, bits: int, rng: np.random.Generator, kind: str = "separated") -> Signs:
    """Return the centres of classes, -1 or 1, int8 (classes, bits).

    Parameters
    ----------
    classes, bits : from 1
    kind : one of

        - "separated": if bits is a power of two, rows of the Hadamard matrix with random signs, for up to 2 * bits
          classes. They differ in bits / 2 bits (beyond `bits` classes, some in all bits). Rows are drawn until their
          indices have full rank over GF(2), so that all bits differ and none is constant, if the number of classes
          allows it. Otherwise, random codes with as many 1 as -1, chosen greedily at the largest possible distance
        - "first_rows": first rows of the Hadamard matrix and of its negative, as published with CSQ. For 10 classes,
          these have at most 16 different bits, and at least one is constant
        - "bernoulli": every bit random, as published with OrthoHash and DPN. Two classes can have the same centre

    Raises
    ------
    L2HError
        no separated centres differ in at least bits / 4 bits, or there are too few first rows
    """
    if kind == "bernoulli":
        return rng.choice(np.array([-1, 1], np.int8), (classes, bits))
    rows_exist = bits & (bits - 1) == 0 and classes <= 2 * bits
    if kind == "first_rows":
        if not rows_exist:
            cure = "use a power of two from half the number of classes, or centres: separated"
            raise L2HError(f"centres: first_rows is not possible for {classes} classes at {bits} bits; {cure}")
        rows = hadamard(bits, dtype=np.int8)
        return np.concatenate([rows, -rows])[:classes]
    if rows_exist:
        return _most_useful([_hadamard_rows(classes, bits, rng) for _ in range(DRAWS)])
    pool = _balanced(bits, rng)
    for distance in range(2 * -(-bits // 4), -(-bits // 4) - 1, -2):
        found = [_greedy(pool, classes, distance, rng) for _ in range(DRAWS)]
        if max(map(len, found)) == classes:
            return _most_useful([centres for centres in found if len(centres) == classes])
    least, cure = -(-bits // 4), "use more bits, or centres: bernoulli"
    raise L2HError(f"found no centres of {classes} classes at {bits} bits that differ in at least {least}; {cure}")


def useful_bits(centres: Signs) -> int:
    """Count the different bits of centres (classes, bits): a bit and its negation count once, a constant bit not."""
    first = centres * centres[0]
    return np.unique(first[:, (first != 1).any(axis=0)], axis=1).shape[1]


def _most_useful(sets: list[Signs]) -> Signs:
    """Return the first of the sets with the most useful bits."""
    return max(sets, key=useful_bits)


def _hadamard_rows(classes: int, bits: int, rng: np.random.Generator) -> Signs:
    """Draw rows of the Hadamard matrix with random signs; beyond `bits` classes, negatives of drawn rows too."""
    rows = hadamard(bits, dtype=np.int8)[rng.permutation(bits)]
    rows *= rng.choice(np.array([-1, 1], np.int8), (bits, 1))
    return np.concatenate([rows, -rows])[:classes]


def _balanced(bits: int, rng: np.random.Generator) -> Signs:
    """Return codes with bits // 2 ones: all of them if they are few, or a random sample."""
    if comb(bits, bits // 2) > POOL:
        one = np.where(np.arange(bits) < bits // 2, 1, -1).astype(np.int8)
        return rng.permuted(np.tile(one, (POOL, 1)), axis=1)
    places = list(combinations(range(bits), bits // 2))
    pool = np.full((len(places), bits), -1, np.int8)
    np.put_along_axis(pool, np.array(places, int), 1, axis=1)
    return pool


def _greedy(pool: Signs, classes: int, distance: int, rng: np.random.Generator) -> Signs:
    """Take codes in random order, each at this distance or more from all before; stop at so many classes."""
    left = rng.permutation(pool).astype(np.float32)
    kept: list[NDArray[np.float32]] = []
    while len(left) and len(kept) < classes:
        kept.append(left[0])
        left = left[left @ left[0] <= left.shape[1] - 2 * distance]
    return np.array(kept, np.int8)
