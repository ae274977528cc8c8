"""Count rank histograms with Triton, for GPUs: packed words, hardware popcount, counters in shared memory."""

import numpy as np
import torch
import triton  # type: ignore[import-untyped]
import triton.language as tl  # type: ignore[import-untyped]
from numpy.typing import NDArray

from l2h.ranking.problem import Problem

BLOCK = 4096  # items whose distances a program holds in registers
CHUNK = 1 << 18  # items a program counts; they stay in the L2 cache while all queries pass over them


def count(problem: Problem, device: torch.device) -> NDArray[np.int64]:
    """Irrelevant and relevant items at each distance, int64 (Q, 2, bits + 1), counted on `device`."""

    def move(array: NDArray) -> torch.Tensor:
        return torch.tensor(array.view(np.int64), device=device)

    n, items, bins = len(problem.query_words), problem.words.shape[1], problem.bits + 1
    tables = torch.zeros((n, 2, bins), dtype=torch.int64, device=device)
    if n and items:
        _count[n, triton.cdiv(items, CHUNK)](
            *map(move, problem[:6]),
            tables,
            items,
            bins,
            WORDS=len(problem.words),
            SETS=len(problem.sets),
            SLOTS=triton.next_power_of_2(2 * bins + 1),
            BLOCK=BLOCK,
            CHUNK=CHUNK,
        )
    return tables.cpu().numpy()


@triton.jit
def popcount(word):  # type: ignore[no-untyped-def]
    """Ones in each int64, as int32; LLVM knows this pattern and emits the instruction."""
    x = word.to(tl.uint64, bitcast=True)
    x -= (x >> 1) & 0x5555555555555555
    x = (x & 0x3333333333333333) + ((x >> 2) & 0x3333333333333333)
    x = (x + (x >> 4)) & 0x0F0F0F0F0F0F0F0F
    return ((x * 0x0101010101010101) >> 56).to(tl.int32)


@triton.jit  # type: ignore[untyped-decorator]
def _count(  # type: ignore[no-untyped-def]
    query_words,
    query_sets,
    first,
    last,
    words,
    sets,
    tables,
    items,
    bins,
    WORDS: tl.constexpr,
    SETS: tl.constexpr,
    SLOTS: tl.constexpr,
    BLOCK: tl.constexpr,
    CHUNK: tl.constexpr,
):
    """Add one chunk of the database to one query's table; slot 2 * bins counts padding beyond the last item."""
    query = tl.program_id(0).to(tl.int64)
    begin = tl.program_id(1).to(tl.int64) * CHUNK
    low, high = tl.load(first + query), tl.load(last + query)
    counts = tl.zeros((SLOTS,), tl.int32)
    for start in range(begin, min(begin + CHUNK, items), BLOCK):
        place = start + tl.arange(0, BLOCK)
        inside = place < items
        slots = tl.zeros((BLOCK,), tl.int32)
        row = words + place
        for w in tl.static_range(WORDS):
            slots += popcount(tl.load(row, inside, 0) ^ tl.load(query_words + query * WORDS + w))
            row += items
        relevant = (low <= place) & (place < high)
        row = sets + place
        for w in tl.static_range(SETS):
            relevant |= (tl.load(row, inside, 0) & tl.load(query_sets + query * SETS + w)) != 0
            row += items
        counts += tl.histogram(tl.where(inside, slots + bins * relevant, 2 * bins), SLOTS)
    slot = tl.arange(0, SLOTS)
    tl.atomic_add(tables + query * 2 * bins + slot, counts.to(tl.int64), slot < 2 * bins)
