"""Time calls: the fastest of several, and whether other processes used the CPU at the same time."""

import platform
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

LEAST, MOST = 3, 20  # repetitions
SECONDS = 0.02  # no repetition starts after this time
SHARE = 0.9  # minimum ratio of CPU time to wall time of an undisturbed call
T = TypeVar("T")


@dataclass(frozen=True)
class Timing:
    """Seconds of one call.

    Attributes
    ----------
    wall : elapsed time
    cpu : of all threads of this process
    repeats : how many calls this one was the fastest of
    """

    wall: float
    cpu: float
    repeats: int = 1

    @property
    def disturbed(self) -> bool:
        """True if the call had to wait for the CPU, so it would be faster on an idle machine.

        With several threads this can go unnoticed, because their CPU times are added up.
        """
        return self.cpu < SHARE * self.wall


def once(call: Callable[[], object]) -> Timing:
    """Time a single call, without a warm-up."""
    busy, start = time.process_time(), time.perf_counter()
    call()
    wall = time.perf_counter() - start
    return Timing(wall, time.process_time() - busy)


def measure(call: Callable[[], object], seconds: float = SECONDS) -> Timing:
    """Return the fastest repetition of a call, after a warm-up.

    The call is repeated for the given seconds, but at least LEAST and at most MOST times.
    """
    call()
    timings: list[Timing] = []
    begin = time.perf_counter()
    while len(timings) < LEAST or (len(timings) < MOST and time.perf_counter() - begin < seconds):
        timings.append(once(call))
    return replace(min(timings, key=lambda timing: timing.wall), repeats=len(timings))


def training(train: Callable[[], T], cell: Mapping[str, Any]) -> tuple[T, list[dict[str, Any]]]:
    """The result of a training, and its duration as rows of a table of costs that begin with the cell.

    Other jobs may run at the same time, which affects the wall time, but hardly the CPU time of the threads.
    """
    results: list[T] = []
    spent = once(lambda: results.append(train()))
    row = {**cell, "unit": "s", "repeats": 1, "hardware": processor()}
    return results[0], [
        {**row, "quantity": "training_processor", "value": spent.cpu, "disturbed": False},
        {**row, "quantity": "training_wall", "value": spent.wall, "disturbed": spent.disturbed},
    ]


def processor() -> str:
    """The CPU's name, from the system."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
