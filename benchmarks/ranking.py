"""Time ranking and metrics: l2h compared with the evaluation common in hashing repositories, and with faiss.

All rows of a table are measured in one run, in turn, so that other load affects all equally.
"""

import argparse
import os
from concurrent.futures import ThreadPoolExecutor
from statistics import median
from typing import Any

from common import in_a_fresh_process, machine, seconds, synthetic, time_and_memory
from l2h.job import limit_threads

DEPTH = 5000


def problem(queries: int, items: int, labels: int, rng: Any) -> tuple:
    """Query codes, codes, query labels, labels: ten classes, or sets of `labels` labels, 2 of them each on average."""
    if labels == 10:
        query_labels, item_labels = (rng.integers(0, 10, n) for n in (queries, items))
        query_classes, classes = query_labels, item_labels
    else:
        query_labels, item_labels = (rng.random((n, labels)) < 2 / labels for n in (queries, items))
        query_classes, classes = query_labels.argmax(axis=1), item_labels.argmax(axis=1)
    return synthetic(queries, query_classes, 1), synthetic(items, classes, 2), query_labels, item_labels


def copied(query: Any, database: Any, query_labels: Any, labels: Any) -> tuple[float, float]:
    """MAP and mAP@5000 as hashing repositories compute them: codes -1 and 1, one argsort a query.

    Parameters: float32 codes (Q, bits) and (N, bits), float32 one-hot or multi-hot labels.
    """
    import numpy as np

    whole = top = 0.0
    for code, label in zip(query, query_labels, strict=True):
        relevant = (label @ labels.T > 0).astype(np.float32)
        distance = 0.5 * (database.shape[1] - code @ database.T)
        places = np.flatnonzero(relevant[np.argsort(distance)]) + 1
        precisions = np.arange(1, len(places) + 1) / places
        whole += precisions.mean() if len(places) else 0.0
        found = int((places <= DEPTH).sum())
        top += precisions[:found].mean() if found else 0.0
    return whole / len(query), top / len(query)


def faiss_top(index: Any, query: Any, query_labels: Any, labels: Any) -> float:
    """MAP@5000 from the ids that faiss returns."""
    import numpy as np

    _, rows = index.search(query, min(DEPTH, index.ntotal))
    if labels.ndim == 1:
        relevant = labels[rows] == query_labels[:, None]
    else:
        relevant = np.stack(
            [(labels[some] & label).any(axis=1) for some, label in zip(rows, query_labels, strict=True)]
        )
    hits = relevant.cumsum(axis=1)
    precision = (hits / np.arange(1, rows.shape[1] + 1) * relevant).sum(axis=1)
    return float((precision / np.maximum(hits[:, -1], 1)).mean())


def popcount_limit(threads: int, query: Any, database: Any) -> Any:
    """A function that sums all distances on all threads without a histogram, the lower limit for counting."""
    import numba
    import numpy as np

    from l2h.ranking import on_numba

    popcount = on_numba._popcount

    @numba.njit(nogil=True)
    def total(queries, codes):  # type: ignore[no-untyped-def]
        distance = np.uint64(0)
        for start in range(0, len(codes), on_numba.TILE):
            tile = codes[start : start + on_numba.TILE]
            for q in range(len(queries)):
                word = queries[q]
                for j in range(len(tile)):
                    distance += popcount(tile[j] ^ word)
        return distance

    words, codes = query.view(np.uint64).ravel(), database.view(np.uint64).ravel()
    blocks = np.array_split(words, threads)

    def run() -> None:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(lambda block: total(block, codes), blocks))

    return run


def check(h: Any, codes: Any, labels: Any) -> None:
    """Fail unless the copied mAP of some queries lies between ours with all ties for and against it."""
    from l2h.metrics import average_precision

    some = slice(50)
    figure, _ = copied(codes[0][some], codes[1], labels[0][some], labels[1])
    low, high = (average_precision(h, ties=ties)[some].mean() for ties in ("worst", "best"))
    if not low - 1e-6 <= figure <= high + 1e-6:
        raise SystemExit(f"the contestants measure different things: {figure} is not from {low} to {high}")


def compare(queries: int, items: int, labels: int, repeats: int, threads: int) -> None:
    """Print one table."""
    import faiss
    import numpy as np

    from l2h.evaluation.cell import evaluate
    from l2h.metrics import Groups, average_precision
    from l2h.ranking import rank_histogram

    query, database, query_labels, item_labels = problem(queries, items, labels, np.random.default_rng(0))
    floats = [np.unpackbits(codes, axis=1).astype(np.float32) * 2 - 1 for codes in (query, database)]
    sets = np.eye(10, dtype=np.float32)
    hot = [sets[some] if labels == 10 else some.astype(np.float32) for some in (query_labels, item_labels)]
    faiss.omp_set_num_threads(threads)
    indexes = {}
    for heap in (True, False):
        indexes[heap] = faiss.IndexBinaryFlat(64)
        indexes[heap].use_heap = heap
        indexes[heap].add(database)

    def count() -> Any:
        return rank_histogram(query, database, query_labels, item_labels, bits=64)

    def two_figures() -> tuple[float, float]:
        groups = Groups(count())
        return average_precision(groups).mean(), average_precision(groups, DEPTH).mean()

    h = count()
    half = rank_histogram(query, database[::2], query_labels, item_labels[::2], bits=64)
    check(h, floats, hot)

    contestants = {
        "popcounts": ("popcounts alone, summed", popcount_limit(threads, query, database)),
        "count": ("l2h: counting", count),
        "metrics": ("l2h: all metrics from two histograms (`evaluate`)", lambda: evaluate(h, half)),
        "two": ("l2h: counting, mAP, mAP@5000", two_figures),
        "one": ("l2h: counting, mAP@5000", lambda: average_precision(count(), DEPTH).mean()),
        "all": ("l2h: counting, all metrics", lambda: evaluate(count(), half)),
        "heap": ("faiss, heap: mAP@5000", lambda: faiss_top(indexes[True], query, query_labels, item_labels)),
        "no heap": ("faiss, no heap: mAP@5000", lambda: faiss_top(indexes[False], query, query_labels, item_labels)),
        "copied": ("copied: mAP, mAP@5000", lambda: copied(*floats, *hot)),
    }
    contestants["popcounts"][1]()  # compile
    times: dict[str, list[float]] = {key: [] for key in contestants}
    for _ in range(repeats):
        for key, (_name, run) in contestants.items():
            times[key].append(seconds(run))
    middle = {key: median(some) for key, some in times.items()}
    print(
        f"\n### {queries:,} queries x {items:,} items x 64 bits, {labels} {'classes' if labels == 10 else 'labels'}\n"
    )
    print(f"Medians of {repeats} runs.\n\n| | seconds | G pairs/s |\n|:--|--:|--:|")
    for key, (name, _run) in contestants.items():
        print(f"| {name} | {middle[key]:.4f} | {queries * items / middle[key] / 1e9:.3f} |")

    def times_as_long(one: str, other: str) -> str:
        return f"{middle[one] / middle[other]:.1f} times as long as"

    faster = min("heap", "no heap", key=middle.__getitem__)
    print(f"\n- the copied evaluation takes {times_as_long('copied', 'two')} l2h for the same two values,")
    print(f"  and {times_as_long('copied', 'all')} l2h for all its metrics")
    print(f"- faiss in its faster mode takes {times_as_long(faster, 'one')} l2h for mAP@5000")
    print(f"- counting takes {times_as_long('count', 'popcounts')} the popcounts alone")
    print(f"- all metrics, on one thread, take {times_as_long('metrics', 'count')} counting, on {threads}", flush=True)


def main() -> None:
    """Run and print Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="small sizes, for a quick test")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    arguments = parser.parse_args()
    limit_threads(arguments.threads)
    print(f"## Ranking\n\n{machine(arguments.threads)}")
    queries, items, large = (100, 5000, (500, 100_000)) if arguments.quick else (1000, 50_000, (10_000, 1_000_000))
    for labels in (10, 81):
        compare(queries, items, labels, arguments.repeats, arguments.threads)
    time, memory = in_a_fresh_process(arguments.threads, time_and_memory, *large)
    print(f"\n### {large[0]:,} queries x {large[1]:,} items x 64 bits, 10 classes\n")
    pairs = large[0] * large[1]
    print(f"Counting alone, once: {time:.2f} s, {pairs / time / 1e9:.2f} G pairs/s, peak memory {memory:.2f} GiB")


if __name__ == "__main__":
    main()
