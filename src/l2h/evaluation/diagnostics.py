"""How well codes use their bits."""

import logging
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from l2h import codes

NEAR_CONSTANT = 0.99  # share of the images that have one value in a bit
# Share of near-constant bits that is warned of if it is exceeded. A few come by design, as in the codewords of the
# classifier: one of 16 for ten classes.
MANY = 0.25


class Diagnostics(TypedDict):
    """What codes do with their bits; `l2h.evaluation.cell.METRICS` has the meaning of each name."""

    bit_imbalance: float
    bit_entropy: float
    bit_correlation: float
    code_entropy: float
    distinct_codes: float
    near_constant_bits: float


def diagnose(packed: NDArray[np.uint8], bits: int) -> Diagnostics:
    """Diagnose the codes of one database, uint8 (n, ceil(bits / 8))."""
    values = codes.unpack(packed, bits)
    share = values.mean(axis=0)
    _, counts = np.unique(packed, axis=0, return_counts=True)
    pairs = correlations(values)[~np.eye(bits, dtype=bool)]
    pairs = pairs[~np.isnan(pairs)]
    return {
        "bit_imbalance": float(np.abs(share - 0.5).mean()),
        "bit_entropy": float(_entropy(np.stack([share, 1 - share])).mean()),
        "bit_correlation": float(np.abs(pairs).mean()) if len(pairs) else 0.0,
        "code_entropy": float(_entropy(counts / len(packed))),
        "distinct_codes": float(len(counts)),
        "near_constant_bits": float((np.maximum(share, 1 - share) >= NEAR_CONSTANT).sum()),
    }


def warn_of_constant_codes(found: Diagnostics, bits: int) -> None:
    """Log a warning if many bits hardly vary, given what `diagnose` returned."""
    constant = round(found["near_constant_bits"])
    if constant > MANY * bits:
        logging.getLogger("l2h").warning(
            "%d of %d bits have one value for at least %.0f%% of the database: the code hardly tells images apart; "
            "check the features and the method's parameters, such as lr",
            constant,
            bits,
            100 * NEAR_CONSTANT,
        )


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
