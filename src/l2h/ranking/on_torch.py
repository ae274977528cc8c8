"""Count rank histograms with torch, for GPUs: distances by matrix product, tables by one bincount a block of pairs."""

import numpy as np
import torch
from numpy.typing import NDArray

PAIRS = 1 << 24  # at once: 128 MiB of slots, and as much again for what leads to them
TILE = 1 << 16  # items at once

Words = NDArray[np.uint64]


def count(
    query_words: Words,
    query_labels: Words,
    first: NDArray[np.int64],
    last: NDArray[np.int64],
    database_words: Words,
    database_labels: Words,
    bits: int,
    device: torch.device,
) -> NDArray[np.int64]:
    """Count on `device`; everything else as in `l2h.ranking.kernel.count`.

    Codes become rows of -1 and 1, whose products are whole numbers up to `bits`: float16 holds them exactly up to 2048.
    """

    def move(array: NDArray) -> torch.Tensor:
        return torch.tensor(array.view(np.int64), device=device)

    def signs(words: torch.Tensor) -> torch.Tensor:
        shifts = torch.arange(64, device=device)
        return ((words[:, :, None] >> shifts & 1) * 2 - 1).reshape(len(words), -1)[:, :bits].to(torch.float16)

    n, bins = len(query_words), bits + 1
    tables = torch.zeros((n, 2 * bins), dtype=torch.int64, device=device)
    queries, labels, begin, end = signs(move(query_words)), *map(move, (query_labels, first, last))
    for start in range(0, database_words.shape[1], TILE):
        items = signs(move(database_words[:, start : start + TILE].T))
        item_labels = move(database_labels[:, start : start + TILE])
        place = torch.arange(start, start + len(items), device=device)
        block = PAIRS // len(items)
        for low in range(0, n, block):
            rows = slice(low, low + block)
            slots = (bits - queries[rows] @ items.T).to(torch.int64) // 2
            relevant = (begin[rows, None] <= place) & (place < end[rows, None])
            for query_word, item_word in zip(labels[rows].T, item_labels, strict=True):
                relevant |= (query_word[:, None] & item_word) != 0
            slots += bins * relevant
            slots += 2 * bins * torch.arange(len(slots), device=device)[:, None]
            counts = torch.bincount(slots.ravel(), minlength=2 * bins * len(slots))
            tables[rows] += counts.reshape(len(slots), 2 * bins)
    return tables.cpu().numpy().reshape(n, 2, bins)
