"""Time ranking by l2h and by faiss's `IndexBinaryFlat`: the k nearest, all within a radius, and the whole ranking.

faiss returns ids, from which numpy computes the metric; l2h counts the items, and the relevant ones, at each distance.
l2h's time includes relevance and metric. All are measured in turn, with the same number of threads.
"""

from importlib.util import find_spec
from typing import Any

import numpy as np

from common import by_peer, in_turn, machine, options, problem
from l2h.metrics import average_precision, precision_within_radius
from l2h.ranking import RankHistogram, rank_histogram
from l2h.ranking.neighbours import nearest_neighbours

BITS = 64
DEPTHS = 100, 1000, 5000
RADII = 2, 24  # the usual one, within which few codes lie, and half of a class's
AT_ONCE = 2**19  # ids whose relevance is looked up together


def words(labels: np.ndarray) -> np.ndarray:
    """Sets of labels as bits, uint64 (n, w), so that numpy finds shared labels quickly."""
    hot = labels if labels.ndim == 2 else np.eye(labels.max() + 1, dtype=bool)[labels]
    packed = np.packbits(hot, axis=1)
    return np.pad(packed, ((0, 0), (0, -packed.shape[1] % 8))).view(np.uint64)


def relevance(ids: np.ndarray, query_sets: np.ndarray, sets: np.ndarray) -> np.ndarray:
    """Whether each item shares a label with its query, bool (Q, k), for ids (Q, k)."""
    shared = (sets[ids, w] & query_sets[:, w, None] for w in range(sets.shape[1]))
    return np.logical_or.reduce([both != 0 for both in shared])


def mean_average_precision(ids: np.ndarray, query_sets: np.ndarray, sets: np.ndarray) -> float:
    """MAP@k of the k ids of each query, (Q, k), the nearest first."""
    total, ranks, step = 0.0, np.arange(1, ids.shape[1] + 1), max(1, AT_ONCE // ids.shape[1])
    for start in range(0, len(ids), step):
        some = slice(start, start + step)
        relevant = relevance(ids[some], query_sets[some], sets)
        hits = relevant.cumsum(axis=1)
        precision = (hits / ranks * relevant).sum(axis=1)
        total += (precision / np.maximum(hits[:, -1], 1)).sum()
    return total / len(ids)


def hits_within(limits: np.ndarray, ids: np.ndarray, query_sets: np.ndarray, sets: np.ndarray) -> np.ndarray:
    """Relevant items within the radius, (Q,), from the ids that a range search returns for all queries together."""
    owner = np.repeat(np.arange(len(limits) - 1), np.diff(limits.astype(np.int64)))
    relevant = (sets[ids] & query_sets[owner]).any(axis=1)
    return np.bincount(owner[relevant], minlength=len(limits) - 1)


def precision_of(limits: np.ndarray, ids: np.ndarray, query_sets: np.ndarray, sets: np.ndarray) -> float:
    """Mean precision within the radius; 0 for queries without an item there."""
    return float((hits_within(limits, ids, query_sets, sets) / np.maximum(np.diff(limits.astype(np.int64)), 1)).mean())


def histogram(distances: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """How many of the chosen items, bool (Q, k), lie at each distance, int (Q, BITS + 1)."""
    places = distances + np.arange(len(distances))[:, None] * (BITS + 1)
    return np.bincount(places[chosen], minlength=len(distances) * (BITS + 1)).reshape(-1, BITS + 1)


def check_nearest(h: RankHistogram, distances: np.ndarray, ids: np.ndarray, *sets: np.ndarray) -> None:
    """Fail unless the k nearest, in order, have the distances and the relevant items that l2h counted.

    At the last distance only some items are among the nearest, and any of them may be.
    """
    k, ends = distances.shape[1], h.total.cumsum(axis=1)
    total, relevant = (histogram(distances, some) for some in (distances >= 0, relevance(ids, *sets)))
    in_order = (np.diff(distances, axis=1) >= 0).all()
    same = np.array_equal(total, np.diff(np.minimum(ends, k), axis=1, prepend=0))
    if not (in_order and same and (relevant == h.relevant)[ends <= k].all()):
        raise SystemExit(f"the ranking at k = {k} is not the one that l2h counted")


def check_within(h: RankHistogram, radius: int, limits: np.ndarray, ids: np.ndarray, *sets: np.ndarray) -> None:
    """Fail unless the range search finds as many items, and as many relevant ones, as l2h counted."""
    found = np.diff(limits.astype(np.int64)), hits_within(limits, ids, *sets)
    counted = (table[:, : radius + 1].sum(axis=1) for table in (h.total, h.relevant))
    if not all(map(np.array_equal, found, counted)):
        raise SystemExit(f"the items within radius {radius} are not those that l2h counted")


def compare(queries: int, items: int, labels: int, repeats: int, threads: int) -> dict[str, str]:
    """Print one table; return faiss's time over l2h's for each task, with the metric and without."""
    import faiss

    query, database, query_labels, item_labels = problem(queries, items, labels, np.random.default_rng(0))
    sets = words(query_labels), words(item_labels)
    faiss.omp_set_num_threads(threads)
    heap, counters = indexes = [faiss.IndexBinaryFlat(BITS) for _ in range(2)]
    counters.use_heap = False
    for index in indexes:
        index.add(database)

    def count() -> RankHistogram:
        return rank_histogram(query, database, query_labels, item_labels, bits=BITS)

    def nearest(k: int) -> dict[str, Any]:
        own_ids, own_distances = nearest_neighbours(query, database, k, bits=BITS)
        check_nearest(h, own_distances, own_ids, *sets)
        for index in indexes:
            distances, ids = index.search(query, k)
            check_nearest(h, distances, ids, *sets)
        return {
            "l2h": lambda: average_precision(count(), k).mean(),
            "heap": lambda: heap.search(query, k),
            "counters": lambda: counters.search(query, k),
            "metric": lambda: mean_average_precision(ids, *sets),
            "ids": lambda: nearest_neighbours(query, database, k, bits=BITS),
        }

    def within(radius: int) -> dict[str, Any]:
        limits, _, ids = heap.range_search(query, radius + 1)  # which finds distances below it
        check_within(h, radius, limits, ids, *sets)
        return {
            "l2h": lambda: precision_within_radius(count(), radius).mean(),
            "heap": lambda: heap.range_search(query, radius + 1),
            "metric": lambda: precision_of(limits, ids, *sets),
        }

    h = count()
    tasks = {f"mAP@{k}": lambda k=k: nearest(k) for k in DEPTHS if k < items}
    tasks |= {f"precision within radius {radius}": lambda radius=radius: within(radius) for radius in RADII}
    tasks["mAP of the whole ranking"] = lambda: nearest(items)
    kind = "classes" if labels == 10 else "labels"
    print(f"\n### {queries:,} queries x {items:,} items x {BITS} bits, {labels} {kind}\n")
    print(f"Seconds, medians of {repeats} runs.\n")
    print("| task | l2h | faiss, heap | faiss, counters | metric from faiss's ids | l2h's ids, one thread |")
    print("|:--|--:|--:|--:|--:|--:|")
    ratios = {}
    for task, ways in tasks.items():
        times = in_turn(ways(), repeats)
        search = min(times[name] for name in ("heap", "counters") if name in times)
        ratios[task] = f"{(search + times['metric']) / times['l2h']:.1f} ({search / times['l2h']:.1f})"
        cells = (f"{times[name]:.4f}" if name in times else "" for name in ("l2h", "heap", "counters", "metric", "ids"))
        print(f"| {task} | {' | '.join(cells)} |", flush=True)
    return ratios


def main() -> None:
    """Run and print Markdown."""
    arguments = options(__doc__.splitlines()[0], "small sizes, for a quick test")
    print(f"## Ranking beside faiss\n\n{machine(arguments.threads, 'faiss-cpu')}")
    if not find_spec("faiss"):
        print("\nfaiss is left out: it is not installed.")
        return
    queries, items = (100, 5000) if arguments.quick else (1000, 50_000)
    classes, labels = (compare(queries, items, n, arguments.repeats, arguments.threads) for n in (10, 81))
    print("\nfaiss's faster mode with the metric, in brackets its search alone; 10 classes; 81 labels.")
    by_peer(("faiss `IndexBinaryFlat`", task, f"{classes[task]}; {labels[task]}") for task in classes)


if __name__ == "__main__":
    main()
