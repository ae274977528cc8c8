"""Compute rank histograms of packed codes with the fastest backend for the problem."""

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from l2h import extras
from l2h.ranking import on_numpy
from l2h.ranking.histogram import RankHistogram
from l2h.ranking.problem import Problem, lay_out

LONG = 2048  # bits; beyond, numba is slower than numpy, because its table of distance pairs grows quadratically
SMALL = 10**7  # pairs; numpy counts so many in less than 0.1 s, while loading numba takes 0.4 s

Device = Literal["auto", "cpu", "cuda"]


def rank_histogram(
    query_codes: ArrayLike,
    database_codes: ArrayLike,
    query_labels: ArrayLike,
    database_labels: ArrayLike,
    *,
    bits: int,
    device: Device = "cpu",
) -> RankHistogram:
    """Rank the database for each query by Hamming distance, exactly.

    Parameters
    ----------
    query_codes : uint8 (Q, ceil(bits / 8)), packed by `l2h.codes.pack`; padding bits are ignored
    database_codes : uint8 (N, ceil(bits / 8))
    query_labels, database_labels : both int (n,) classes, or both bool/uint8 (n, c) multi-hot;
        an item is relevant when it shares at least one label with the query
    bits : code length
    device : "cpu" counts on as many threads as numba is set to, small problems on one; "cuda" on a GPU, by Triton if
        installed, else by torch; "auto" on a GPU if there is one. The counts are the same.

    Returns
    -------
    RankHistogram, whose tables have the shape (Q, bits + 1); memory is O(N + Q * bits)

    Raises
    ------
    ValueError
        shapes or dtypes do not match
    L2HError
        device is "cuda" and torch finds no GPU
    """
    problem, queries = lay_out(query_codes, database_codes, query_labels, database_labels, bits)
    tables = _count(problem, device)
    return RankHistogram(tables.sum(axis=1), tables[:, 1].copy(), queries)


def _count(problem: Problem, device: Device) -> NDArray[np.int64]:
    """Irrelevant and relevant items at each distance, int64 (Q, 2, bits + 1)."""
    # imported here, because jobs that only read histograms need no backend, and others need only one
    if device != "cpu":
        extras.require("torch")
        from l2h.device import choose

        chosen = choose(device)
        if chosen.type == "cuda":
            from l2h.ranking import on_cuda

            return on_cuda.count(problem, chosen)
    if len(problem.query_words) * problem.words.shape[1] <= SMALL or problem.bits > LONG:
        return on_numpy.count(problem)
    from l2h.ranking import on_numba

    return on_numba.count(problem)
