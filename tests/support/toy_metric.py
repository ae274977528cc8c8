"""A metric from outside the package: R-precision, exact under ties."""

import numpy as np

from l2h import metrics


@metrics.register(
    "r_precision",
    of="histogram",
    axis="R-precision",
    short="R-prec",
    better="higher",
    formula="relevant items among the first R / R, expected under ties; R: all relevant items",
    source="Buckley & Voorhees, SIGIR 2000",
)
def r_precision(h):
    """Share of relevant items among the first R, float64 (Q,); 0 where nothing is relevant."""
    total, relevant = h.total.cumsum(axis=1), h.relevant.cumsum(axis=1)
    R = relevant[:, -1]
    last = (total >= R[:, None]).argmax(axis=1)  # the distance at which place R lies
    row = np.arange(len(R))
    before, hits = total[row, last] - h.total[row, last], relevant[row, last] - h.relevant[row, last]
    share = h.relevant[row, last] / np.maximum(h.total[row, last], 1)
    return (hits + (R - before) * share) / np.maximum(R, 1)
