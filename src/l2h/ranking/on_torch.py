"""Count rank histograms with torch, for GPUs: distances by matrix product, tables by one bincount a block of pairs."""

import numpy as np
import torch
from numpy.typing import NDArray

from l2h.ranking.problem import Problem

PAIRS = 1 << 24  # at once: 128 MiB of slots, and as much again for intermediate results
TILE = 1 << 16  # words of items at once, 64 bits each: 32 MiB of signs, and as much again for intermediate results
HALF = 2048  # float16 represents all integers up to it


def count(problem: Problem, device: torch.device) -> NDArray[np.int64]:
    """Irrelevant and relevant items at each distance, int64 (Q, 2, bits + 1), counted on `device`.

    Codes become rows of -1 and 1, whose products are integers up to `bits`: float16 is exact up to HALF,
    float32 up to 2^24.
    """

    def move(array: NDArray) -> torch.Tensor:
        return torch.tensor(array.view(np.int64), device=device)

    bits, bins, n = problem.bits, problem.bits + 1, len(problem.query_words)
    dtype = torch.float16 if bits <= HALF else torch.float32
    tile = max(1, TILE // len(problem.words))
    shifts = torch.arange(64, device=device)

    def signs(words: torch.Tensor) -> torch.Tensor:
        ones = (words[:, :, None] >> shifts & 1).flatten(1)[:, :bits]
        return (2 * ones - 1).to(dtype)

    tables = torch.zeros((n, 2 * bins), dtype=torch.int64, device=device)
    queries, sets, first, last = (
        signs(move(problem.query_words)),
        *map(move, (problem.query_sets, problem.first, problem.last)),
    )
    for start in range(0, problem.words.shape[1], tile):
        items = signs(move(problem.words[:, start : start + tile].T))
        item_sets = move(problem.sets[:, start : start + tile])
        place = torch.arange(start, start + len(items), device=device)
        block = PAIRS // len(items)
        for low in range(0, n, block):
            rows = slice(low, low + block)
            slots = (bits - queries[rows] @ items.T).to(torch.int64) // 2
            relevant = (first[rows, None] <= place) & (place < last[rows, None])
            for query_word, item_word in zip(sets[rows].T, item_sets, strict=True):
                relevant |= (query_word[:, None] & item_word) != 0
            slots += bins * relevant
            slots += 2 * bins * torch.arange(len(slots), device=device)[:, None]
            counts = torch.bincount(slots.ravel(), minlength=2 * bins * len(slots))
            tables[rows] += counts.reshape(len(slots), 2 * bins)
    return tables.cpu().numpy().reshape(n, 2, bins)
