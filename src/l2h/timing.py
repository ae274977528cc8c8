"""How long a call takes: median and 95th percentile over repeats, after a warm-up."""

import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

LEAST, MOST = 5, 200  # repeats
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


def processor() -> str:
    """The processor's name, as the system tells it."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
