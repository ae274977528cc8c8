"""How well codes use their bits."""

import numpy as np
from numpy.typing import NDArray

from l2h import codes

NEAR_CONSTANT = 0.99


def diagnose(packed: NDArray[np.uint8], bits: int) -> dict[str, float]:
    """Diagnostics of the codes of one database, uint8 (n, ceil(bits / 8)), by the names in `l2h.evaluation.METRICS`."""
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
