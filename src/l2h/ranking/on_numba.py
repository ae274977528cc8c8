"""Count rank histograms on the CPU: hardware popcount, no sort, all cores.

Two ideas make it fast. Items are counted in pairs: the distances of two items together name one of slots x slots
counters, so that one increment counts both, and the next increment rarely waits for the last one's store to the same
counter. And the database is walked in tiles that stay in the cache while a block of queries passes over each.
"""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numba
import numpy as np
from numba import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from l2h.ranking.problem import Problem

CHUNK = 1024  # pairs whose distances are held between popcount, which the compiler vectorises, and counting
TILE = 65536  # items: at most 32,768 pairs, which fit counters of 16 bits; codes of 64 bits fill half a MiB
BLOCK = 64  # queries that share a walk over the database: enough to pay for loading a tile, few enough to share work

_TABLE = types.Array(types.uint64, 2, "C", readonly=True)
_RANGE = types.Array(types.int64, 1, "C", readonly=True)


def count(problem: Problem) -> NDArray[np.int64]:
    """Irrelevant and relevant items at each distance, int64 (Q, 2, bits + 1); on as many threads as numba is set to."""
    n = len(problem.query_words)
    tables = np.zeros((n, 2 * (problem.bits + 1)), dtype=np.int64)
    threads = numba.config.NUMBA_NUM_THREADS  # type: ignore[attr-defined]
    block = max(1, min(BLOCK, -(-n // threads)))

    def count_block(start: int) -> None:
        rows = slice(start, start + block)
        queries = (part[rows] for part in problem[:4])
        _count(*queries, problem.words, problem.sets, tables[rows])

    # Our own threads, because numba's `parallel` compiles longer, and its pools support no fork or no second caller.
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(count_block, range(0, n, block)))
    return tables.reshape(n, 2, problem.bits + 1)


def _emit_popcount(_: Any, word: Any) -> Any:
    return word(word), lambda context, builder, signature, arguments: builder.ctpop(arguments[0])


_popcount: Any = intrinsic(_emit_popcount)


@numba.njit
def _find_slots(word, set_, codes, sets, begin, n, bins, shared, slots):  # type: ignore[no-untyped-def]
    """slots[j] = distance of item begin + j, plus `bins` if it shares a label with the query."""
    row, mask = codes[0, begin : begin + n], word[0]
    for j in range(n):
        slots[j] = np.uint16(_popcount(row[j] ^ mask))
    for w in range(1, len(codes)):
        row, mask = codes[w, begin : begin + n], word[w]
        for j in range(n):
            slots[j] += np.uint16(_popcount(row[j] ^ mask))
    if len(sets) > 0:
        shared[:n] = 0
        for w in range(len(sets)):
            row, mask = sets[w, begin : begin + n], set_[w]
            for j in range(n):
                shared[j] |= row[j] & mask
        for j in range(n):
            slots[j] += np.uint16(bins if shared[j] != 0 else 0)


@numba.njit
def _count_range(word, set_, codes, sets, begin, end, bins, buffers, pairs, table):  # type: ignore[no-untyped-def]
    """Add the items begin..end - 1 to a query's table; an item of the first half is counted with one of the second."""
    if begin >= end:
        return
    shared, left, right = buffers
    width = len(pairs)
    half = (end - begin) // 2
    pairs[:] = 0
    for start in range(begin, begin + half, CHUNK):
        n = min(CHUNK, begin + half - start)
        _find_slots(word, set_, codes, sets, start, n, bins, shared, left)
        _find_slots(word, set_, codes, sets, start + half, n, bins, shared, right)
        for j in range(n):
            pairs[np.uint64(right[j]), np.uint64(left[j])] += np.uint16(1)
    for i in range(width):
        both = np.uint32(0)
        for j in range(width):
            table[j] += pairs[i, j]
            both += pairs[i, j]
        table[i] += both
    if (end - begin) % 2:
        _find_slots(word, set_, codes, sets, end - 1, 1, bins, shared, left)
        table[left[0]] += 1


def _walk(queries, query_sets, first, last, codes, sets, tables):  # type: ignore[no-untyped-def]
    bins = tables.shape[1] // 2
    width = 2 * bins if len(sets) > 0 else bins
    pairs = np.empty((width, width), np.uint16)
    buffers = np.empty(CHUNK, np.uint64), np.empty(CHUNK, np.uint16), np.empty(CHUNK, np.uint16)
    for start in range(0, codes.shape[1], TILE):
        stop = min(start + TILE, codes.shape[1])
        for q in range(len(queries)):
            word, set_, table = queries[q], query_sets[q], tables[q]
            low, high = min(max(first[q], start), stop), min(max(last[q], start), stop)
            _count_range(word, set_, codes, sets, start, low, bins, buffers, pairs, table)
            _count_range(word, set_, codes, sets, low, high, bins, buffers, pairs, table[bins:])
            _count_range(word, set_, codes, sets, high, stop, bins, buffers, pairs, table)


def _compile(function: Any) -> Any:
    """Compile, or load what an earlier process compiled."""
    signature = types.void(_TABLE, _TABLE, _RANGE, _RANGE, _TABLE, _TABLE, types.int64[:, ::1])
    try:
        return numba.njit(signature, nogil=True, cache=True)(function)
    except RuntimeError:  # neither the package's folder nor the user's cache is writable
        return numba.njit(signature, nogil=True)(function)


_count = _compile(_walk)
