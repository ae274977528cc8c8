"""Time ranking and metrics: l2h compared with the evaluation common in hashing repositories.

All rows of a table are measured in one run, in turn, so that other load affects all equally.
"""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from common import by_peer, in_a_fresh_process, in_turn, machine, options, problem, time_and_memory

DEPTH = 5000


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


def compare(queries: int, items: int, labels: int, repeats: int, threads: int) -> float:
    """Print one table; return how many times as long as l2h the copied evaluation takes for the same two values."""
    import numpy as np

    from l2h.evaluation.cell import evaluate
    from l2h.metrics import Groups, average_precision
    from l2h.ranking import rank_histogram

    query, database, query_labels, item_labels = problem(queries, items, labels, np.random.default_rng(0))
    floats = [np.unpackbits(codes, axis=1).astype(np.float32) * 2 - 1 for codes in (query, database)]
    sets = np.eye(10, dtype=np.float32)
    hot = [sets[some] if labels == 10 else some.astype(np.float32) for some in (query_labels, item_labels)]

    def count() -> Any:
        return rank_histogram(query, database, query_labels, item_labels, bits=64)

    def two_figures() -> tuple[float, float]:
        groups = Groups(count())
        return average_precision(groups).mean(), average_precision(groups, DEPTH).mean()

    h = count()
    half = rank_histogram(query, database[::2], query_labels, item_labels[::2], bits=64)
    check(h, floats, hot)

    contestants = {
        "popcounts alone, summed": popcount_limit(threads, query, database),
        "l2h: counting": count,
        "l2h: all metrics from two histograms (`evaluate`)": lambda: evaluate(h, half),
        "l2h: counting, mAP, mAP@5000": two_figures,
        "l2h: counting, all metrics": lambda: evaluate(count(), half),
        "copied: mAP, mAP@5000": lambda: copied(*floats, *hot),
    }
    contestants["popcounts alone, summed"]()  # compile
    times = in_turn(contestants, repeats)
    print(
        f"\n### {queries:,} queries x {items:,} items x 64 bits, {labels} {'classes' if labels == 10 else 'labels'}\n"
    )
    print(f"Medians of {repeats} runs.\n\n| | seconds | G pairs/s |\n|:--|--:|--:|")
    for name, taken in times.items():
        print(f"| {name} | {taken:.4f} | {queries * items / taken / 1e9:.3f} |")
    popcounts, counting, metrics, two, everything, copy = times.values()
    print(f"\n- the copied evaluation takes {copy / two:.1f} times as long as l2h for the same two values,")
    print(f"  and {copy / everything:.1f} times as long as l2h for all its metrics")
    print(f"- counting takes {counting / popcounts:.1f} times as long as the popcounts alone")
    print(f"- all metrics, on one thread, take {metrics / counting:.1f} times as long as counting, on {threads}")
    return copy / two


def main() -> None:
    """Run and print Markdown."""
    arguments = options(__doc__.splitlines()[0], "small sizes, for a quick test")
    print(f"## Ranking\n\n{machine(arguments.threads)}")
    queries, items, large = (100, 5000, (500, 100_000)) if arguments.quick else (1000, 50_000, (10_000, 1_000_000))
    ratios = [compare(queries, items, labels, arguments.repeats, arguments.threads) for labels in (10, 81)]
    time, memory = in_a_fresh_process(arguments.threads, time_and_memory, *large)
    print(f"\n### {large[0]:,} queries x {large[1]:,} items x 64 bits, 10 classes\n")
    pairs = large[0] * large[1]
    print(f"Counting alone, once: {time:.2f} s, {pairs / time / 1e9:.2f} G pairs/s, peak memory {memory:.2f} GiB")
    by_peer(
        [
            (
                "copied evaluation",
                "mAP and mAP@5000, 10 classes; 81 labels",
                "; ".join(f"{ratio:.1f}" for ratio in ratios),
            )
        ]
    )


if __name__ == "__main__":
    main()
