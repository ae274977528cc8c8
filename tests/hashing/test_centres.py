"""Class centres: distances, useful bits, and what is refused."""

import numpy as np
import pytest

from l2h.errors import L2HError
from l2h.hashing.centres import class_centres, useful_bits


def centres_of(classes, bits, seed=0, kind="separated"):
    centres = class_centres(classes, bits, np.random.default_rng(seed), kind)
    assert centres.shape == (classes, bits)
    assert np.isin(centres, (-1, 1)).all()
    return centres


def distances(centres):
    """Hamming distances of all pairs."""
    return [int((a != b).sum()) for i, a in enumerate(centres) for b in centres[:i]]


def useless(centres):
    """Bits that are constant, or equal or opposite to an earlier one, by plain comparison."""
    columns = [tuple(column) for column in centres.T.tolist()]
    seen, count = set(), 0
    for column in columns:
        negative = tuple(-value for value in column)
        count += len(set(column)) == 1 or column in seen or negative in seen
        seen.add(column)
    return count


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("classes", "bits"), [(10, 16), (10, 64), (10, 128), (21, 32), (64, 64), (100, 128)])
def test_hadamard_centres_lie_half_the_bits_apart_and_use_every_bit(classes, bits, seed):
    centres = centres_of(classes, bits, seed)
    assert set(distances(centres)) == {bits // 2}
    assert useless(centres) == 0


@pytest.mark.parametrize(("classes", "bits"), [(10, 8), (21, 16), (100, 64)])
def test_beyond_as_many_classes_as_bits_negatives_join(classes, bits):
    centres = centres_of(classes, bits)
    assert set(distances(centres)) == {bits // 2, bits}
    assert useless(centres) == 0


@pytest.mark.parametrize(
    ("classes", "bits", "least"), [(10, 12, 6), (10, 24, 12), (10, 48, 22), (21, 12, 4), (40, 16, 4), (10, 7, 2)]
)
def test_other_numbers_get_balanced_centres_far_apart(classes, bits, least):
    centres = centres_of(classes, bits)
    assert ((centres == 1).sum(axis=1) == bits // 2).all()
    assert min(distances(centres)) >= least >= bits / 4
    assert useless(centres) == 0


@pytest.mark.parametrize(("bits", "different", "constant"), [(16, 16, 1), (32, 16, 2), (64, 16, 4), (128, 16, 8)])
def test_published_first_rows_repeat_bits(bits, different, constant):
    """For 10 classes; the reason for our own rows."""
    centres = centres_of(10, bits, kind="first_rows")
    assert set(distances(centres)) == {bits // 2}
    assert len({tuple(column) for column in centres.T.tolist()}) == different
    assert sum(len(set(column)) == 1 for column in centres.T.tolist()) == constant
    assert useful_bits(centres) <= 15


def test_useful_bits_counts_opposite_bits_once_and_constant_ones_not():
    centres = np.array([[1, -1, 1, 1, -1], [1, -1, -1, -1, 1], [-1, 1, 1, 1, -1]], np.int8)
    assert useful_bits(centres) == 2  # bits 1 and 2 are opposite, 3, 4 and 5 equal or opposite
    assert useful_bits(np.ones((3, 4), np.int8)) == 0


@pytest.mark.parametrize("classes", [1, 2, 3, 5])
@pytest.mark.parametrize("bits", [1, 2, 3, 16])
def test_few_classes_get_different_centres_or_an_error(classes, bits):
    if classes > 2**bits or (classes, bits) == (5, 3):  # only three codes of 3 bits have a single 1
        with pytest.raises(L2HError, match=f"found no centres of {classes} classes at {bits} bits"):
            centres_of(classes, bits)
    else:
        assert min(distances(centres_of(classes, bits)), default=bits) >= bits / 4


def test_centres_that_cannot_be_far_apart_are_refused():
    words = "found no centres of 81 classes at 12 bits that differ in at least 3; use more bits, or centres: bernoulli"
    with pytest.raises(L2HError, match=words):
        centres_of(81, 12)
    assert centres_of(81, 12, kind="bernoulli").mean() == pytest.approx(0, abs=0.1)
    for classes, bits in ((10, 12), (33, 16)):
        with pytest.raises(L2HError, match=f"centres: first_rows is not possible for {classes} classes at {bits} bits"):
            centres_of(classes, bits, kind="first_rows")


@pytest.mark.parametrize("kind", ["separated", "bernoulli"])
@pytest.mark.parametrize("bits", [12, 16])
def test_the_generator_decides(kind, bits):
    assert np.array_equal(centres_of(10, bits, 1, kind), centres_of(10, bits, 1, kind))
    assert not np.array_equal(centres_of(10, bits, 1, kind), centres_of(10, bits, 2, kind))
