"""Metrics of how well codes use their bits."""

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from l2h import codes
from l2h.metrics.metric import Metric

NEAR_CONSTANT = 0.99  # share of images with the same value of a bit


class Codes:
    """The codes of one database, with intermediate results shared by several metrics.

    Attributes
    ----------
    packed : uint8 (n, ceil(bits / 8))
    bits : code length
    """

    def __init__(self, packed: NDArray[np.uint8], bits: int):
        self.packed = packed
        self.bits = bits

    @cached_property
    def values(self) -> NDArray[np.bool_]:
        """The bits, bool (n, bits)."""
        return codes.unpack(self.packed, self.bits)

    @cached_property
    def share(self) -> NDArray[np.float64]:
        """Share of ones of each bit, float64 (bits,)."""
        return self.values.mean(axis=0)

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        """Number of occurrences of each distinct code, int64 (distinct codes,)."""
        return np.unique(self.packed, axis=0, return_counts=True)[1]


def bit_imbalance(some: Codes) -> float:
    """Mean distance of a bit's share of ones from 1/2.

    Examples
    --------
    >>> from l2h import codes, metrics
    >>> from l2h.metrics.of_codes import bit_imbalance
    >>> bit_imbalance(metrics.Codes(codes.pack([[0, 0], [0, 1], [0, 0], [0, 1]]), bits=2))
    0.25
    """
    return float(np.abs(some.share - 0.5).mean())


def bit_entropy(some: Codes) -> float:
    """Mean entropy of a bit, at most 1.

    Examples
    --------
    >>> from l2h import codes, metrics
    >>> from l2h.metrics.of_codes import bit_entropy
    >>> bit_entropy(metrics.Codes(codes.pack([[0, 0], [0, 1], [0, 0], [0, 1]]), bits=2))
    0.5
    """
    return float(_entropy(np.stack([some.share, 1 - some.share])).mean())


def bit_correlation(some: Codes) -> float:
    """Mean of the absolute correlation between two bits that vary; 0 if fewer than two do.

    Examples
    --------
    >>> from l2h import codes, metrics
    >>> from l2h.metrics.of_codes import bit_correlation
    >>> bit_correlation(metrics.Codes(codes.pack([[0, 1], [1, 0], [0, 1], [1, 0]]), bits=2))
    1.0
    """
    pairs = correlations(some.values)[~np.eye(some.bits, dtype=bool)]
    pairs = pairs[~np.isnan(pairs)]
    return float(np.abs(pairs).mean()) if len(pairs) else 0.0


def code_entropy(some: Codes) -> float:
    """Entropy in bits of the distribution over distinct codes.

    Examples
    --------
    >>> from l2h import codes, metrics
    >>> from l2h.metrics.of_codes import code_entropy
    >>> code_entropy(metrics.Codes(codes.pack([[0, 0], [0, 1], [0, 0], [0, 1]]), bits=2))
    1.0
    """
    return float(_entropy(some.counts / len(some.packed)))


def distinct_codes(some: Codes) -> int:
    """Count the different codes.

    Examples
    --------
    >>> from l2h import codes, metrics
    >>> from l2h.metrics.of_codes import distinct_codes
    >>> distinct_codes(metrics.Codes(codes.pack([[0, 0], [0, 1], [0, 0], [0, 1]]), bits=2))
    2
    """
    return len(some.counts)


def near_constant_bits(some: Codes) -> int:
    """Count the bits that have one value in at least NEAR_CONSTANT of the codes.

    Examples
    --------
    >>> from l2h import codes, metrics
    >>> from l2h.metrics.of_codes import near_constant_bits
    >>> near_constant_bits(metrics.Codes(codes.pack([[0, 0], [0, 1], [0, 0], [0, 1]]), bits=2))
    1
    """
    return int((np.maximum(some.share, 1 - some.share) >= NEAR_CONSTANT).sum())


def correlations(values: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Pearson's r between the bits of codes, bool (n, bits): (bits, bits), NaN where a bit never varies."""
    varied = np.flatnonzero(values.any(axis=0) & ~values.all(axis=0))
    table = np.full((values.shape[1], values.shape[1]), np.nan)
    if len(varied):
        table[np.ix_(varied, varied)] = np.corrcoef(values[:, varied].astype(np.float32), rowvar=False)
    return table


def _entropy(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """Entropy in bits along the first axis; 0 log 0 is 0."""
    terms = np.where(probabilities > 0, probabilities * np.log2(np.where(probabilities > 0, probabilities, 1)), 0)
    return -terms.sum(axis=0)


METRICS = (
    Metric(
        name="bit_imbalance",
        function=bit_imbalance,
        axis="bit imbalance",
        better="lower",
        formula="mean over bits of |share of ones - 1/2|, over the database",
        of="codes",
        columns={},
    ),
    Metric(
        name="bit_entropy",
        function=bit_entropy,
        axis="entropy of a bit",
        better="higher",
        formula="mean over bits of their entropy, at most 1 bit",
        of="codes",
        columns={},
    ),
    Metric(
        name="bit_correlation",
        function=bit_correlation,
        axis="correlation between bits",
        better="lower",
        formula="mean over pairs of bits that vary of |Pearson's r|",
        of="codes",
        columns={},
    ),
    Metric(
        name="code_entropy",
        function=code_entropy,
        axis="entropy of the codes",
        better="higher",
        formula="entropy in bits of the distribution over distinct codes",
        of="codes",
        columns={},
    ),
    Metric(
        name="distinct_codes",
        function=distinct_codes,
        axis="distinct codes",
        better="higher",
        formula="how many different codes the database has",
        of="codes",
        count=True,
    ),
    Metric(
        name="near_constant_bits",
        function=near_constant_bits,
        axis="near-constant bits",
        better="lower",
        formula=f"how many bits have one value for at least {NEAR_CONSTANT:.0%} of the database",
        of="codes",
        count=True,
    ),
)
