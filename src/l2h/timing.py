"""How long a call takes: median and 95th percentile over repeats, after a warm-up; or once, where it is a training."""

import platform
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

LEAST, MOST = 5, 200  # repeats
T = TypeVar("T")
SECONDS = 0.2  # after which no further repeat begins


@dataclass(frozen=True)
class Timing:
    """Seconds of one call.

    Attributes
    ----------
    median, p95 : of the repeats
    repeats : how many there were
    """

    median: float
    p95: float
    repeats: int


def measure(call: Callable[[], object]) -> Timing:
    """Time a call: once for warming up, then for a fifth of a second, five times at least and 200 at most."""
    call()
    times: list[float] = []
    begin = time.perf_counter()
    while len(times) < LEAST or (len(times) < MOST and time.perf_counter() - begin < SECONDS):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return Timing(float(np.median(times)), float(np.quantile(times, 0.95)), len(times))


def training(train: Callable[[], T], cell: Mapping[str, Any]) -> tuple[T, list[dict[str, Any]]]:
    """What a training returns, and the seconds that it took, as rows of a table of costs that begin with the cell.

    Seconds of the processor are those of all threads of this process; a GPU's are in those of the clock alone.
    """
    busy, start = time.process_time(), time.perf_counter()
    result = train()
    spent = {"processor": time.process_time() - busy, "wall": time.perf_counter() - start}
    row = {**cell, "unit": "s", "repeats": 1, "hardware": processor()}
    return result, [{**row, "quantity": f"training_{name}", "value": value} for name, value in spent.items()]


def processor() -> str:
    """The processor's name, as the system tells it."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
