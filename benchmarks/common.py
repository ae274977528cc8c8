"""Shared by the benchmarks: synthetic codes, random splits, fresh processes, tables, and the machine's description."""

import os
import platform
import resource
import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from l2h.evaluation.timing import processor
from l2h.job import limit_threads

Floats = NDArray[np.float32]
Labels = NDArray[np.int64]


def options(description: str, quick: str) -> Namespace:
    """The options --quick, --repeats and --threads of the command line; its threads are set, too.

    Parameters
    ----------
    description : of the script
    quick : what --quick does
    """
    parser = ArgumentParser(description=description)
    parser.add_argument("--quick", action="store_true", help=quick)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    arguments = parser.parse_args()
    limit_threads(arguments.threads)
    return arguments


def machine(threads: int, *packages: str) -> str:
    """CPU, memory, load and versions, as one line of Markdown; times under high load are unreliable."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{processor()}, {os.cpu_count()} cores, {memory:.0f} GiB; {threads} threads; load before: "
        f"{os.getloadavg()[0]:.1f}; Python {platform.python_version()}, "
        + ", ".join(map(_version, ("numpy", "numba", *packages)))
    )


def _version(package: str) -> str:
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        return f"without {package}, which is not installed"


def synthetic(n: int, classes: NDArray, seed: int = 0) -> NDArray[np.uint8]:
    """Codes of 64 bits, uint8 (n, 8): the code of its class, with a quarter of the bits flipped."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(7).integers(0, 2**64, classes.max(initial=0) + 1, dtype=np.uint64)
    flips = rng.integers(0, 2**64, n, dtype=np.uint64)
    flips &= rng.integers(0, 2**64, n, dtype=np.uint64)
    flips ^= centres[classes]
    return flips.view(np.uint8).reshape(n, 8)


def problem(queries: int, items: int, labels: int, rng: np.random.Generator) -> tuple:
    """Query codes, codes, query labels, labels: ten classes, or sets of `labels` labels, 2 of them each on average."""
    if labels == 10:
        query_labels, item_labels = (rng.integers(0, 10, n) for n in (queries, items))
        query_classes, classes = query_labels, item_labels
    else:
        query_labels, item_labels = (rng.random((n, labels)) < 2 / labels for n in (queries, items))
        query_classes, classes = query_labels.argmax(axis=1), item_labels.argmax(axis=1)
    return synthetic(queries, query_classes, 1), synthetic(items, classes, 2), query_labels, item_labels


def seconds(function: Callable[[], Any]) -> float:
    """Measure the wall time of one call."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def in_turn(ways: Mapping[str, Callable[[], Any]], repeats: int) -> dict[str, float]:
    """Median seconds of each, measured in turn, so that other load affects all equally."""
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(repeats):
        for name, call in ways.items():
            times[name].append(seconds(call))
    return {name: median(some) for name, some in times.items()}


def peak_gib() -> float:
    """Peak memory of this process, in GiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def in_a_fresh_process(threads: int, function: Callable, *arguments: Any) -> Any:
    """Call in a separate process, so that its peak memory is that of the call."""
    with ProcessPoolExecutor(1, get_context("spawn"), limit_threads, (threads,)) as pool:
        return pool.submit(function, *arguments).result()


def time_and_memory(queries: int, items: int) -> tuple[float, float]:
    """Time (s) and peak memory (GiB) of `rank_histogram`: 64 bits, 10 classes; excludes loading numba."""
    from l2h.ranking import rank_histogram

    import_module("l2h.ranking.on_numba")  # compile, or load from the cache

    rng = np.random.default_rng(1)
    query_classes, classes = rng.integers(0, 10, queries), rng.integers(0, 10, items, dtype=np.int16)
    query_codes, codes = synthetic(queries, query_classes, 2), synthetic(items, classes, 3)
    return seconds(lambda: rank_histogram(query_codes, codes, query_classes, classes, bits=64)), peak_gib()


class Draw(NamedTuple):
    """Features (n, d) and classes (n,) of the training, query and database images."""

    train: tuple[Floats, Labels]
    query: tuple[Floats, Labels]
    database: tuple[Floats, Labels]


def draw(features: Floats, classes: Labels, seed: int, images: int, queries: int, database: int) -> Draw:
    """Split images at random."""
    order = np.random.default_rng(seed).permutation(len(classes))
    parts = order[queries : queries + images], order[:queries], order[queries : queries + database]
    return Draw(*((features[part], classes[part]) for part in parts))


def table(title: str, head: list[str], rows: Iterable[list[str]]) -> None:
    """Print a Markdown table."""
    print(f"\n### {title}\n\n| {' | '.join(head)} |\n|{'--:|' * len(head)}", flush=True)
    for row in rows:
        print(f"| {' | '.join(row)} |", flush=True)


def by_peer(rows: Iterable[tuple[str, str, str]]) -> None:
    """Print a Markdown table of peer, task, and its time divided by that of l2h, with this run's command."""
    command = " ".join(["python", f"benchmarks/{Path(sys.argv[0]).name}", *sys.argv[1:]])
    print("\n### By peer\n\n| peer | task | time of peer / time of l2h | command |\n|:--|:--|--:|:--|")
    for row in rows:
        print(f"| {' | '.join(row)} | `{command}` |", flush=True)
