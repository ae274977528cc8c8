"""Count rank histograms on a GPU: with Triton if its counts match plain torch's, else with plain torch."""

import logging
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray

from l2h.errors import line
from l2h.ranking import on_torch
from l2h.ranking.problem import Problem

LARGE = 10**9  # pairs; for fewer, torch is faster than compiling Triton's kernel
WORDS = 8  # of codes and label sets; Triton unrolls its kernel over them, and compiles more than 20 s for 32
QUERIES, ITEMS = 4, 300_000  # counted by both, to check Triton

Counter = Callable[[Problem, torch.device], NDArray[np.int64]]
_counters: dict[tuple[int, int], Counter] = {}  # by the parameters of a compiled kernel: bits, and words of label sets
_log = logging.getLogger("l2h")


def count(problem: Problem, device: torch.device) -> NDArray[np.int64]:
    """Irrelevant and relevant items at each distance, int64 (Q, 2, bits + 1), counted on `device`."""
    few = len(problem.query_words) * problem.words.shape[1] < LARGE
    if few or len(problem.words) + len(problem.sets) > WORDS:
        return on_torch.count(problem, device)
    kind = problem.bits, len(problem.sets)
    if kind not in _counters:
        _counters[kind] = _choose(problem, device)
    return _counters[kind](problem, device)


def _choose(problem: Problem, device: torch.device) -> Counter:
    """Triton's counter if its counts of a part of the problem equal torch's, else torch's and a warning."""
    part = sample(problem)
    try:
        from l2h.ranking import on_triton

        if np.array_equal(on_triton.count(part, device), on_torch.count(part, device)):
            return on_triton.count
        fault = "its counts are wrong"
    except Exception as error:  # Triton is missing or too old, or has no compiler
        fault = line(error)
    _log.warning("ranking without Triton, which is slower: %s", fault)
    return on_torch.count


def sample(problem: Problem) -> Problem:
    """A few queries and items of a problem, with other ranges of relevant items, which begin and end among these."""
    queries, sets = problem.query_words[:QUERIES], problem.query_sets[:QUERIES]
    words, item_sets = problem.words[:, :ITEMS], problem.sets[:, :ITEMS]
    first = np.arange(len(queries)) * words.shape[1] // 5
    return Problem(queries, sets, first, first + words.shape[1] // 3, words, item_sets, problem.bits)
