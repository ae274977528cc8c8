"""Progress of long tasks as plain log lines, readable even if several jobs share a screen or a log file."""

import logging
from collections.abc import Iterable, Iterator
from typing import TypeVar

from tqdm import tqdm

T = TypeVar("T")


class _Lines:
    """A file object that turns tqdm's output into log records."""

    def __init__(self, logger: logging.Logger):
        self._logger = logger
        self._done = ""

    def write(self, text: str) -> None:
        line = text.strip("\r\n ")
        done = line.rsplit(",", 2)[0]  # without rate and remaining time; the task's name may contain commas
        # skip the first line, which has no rate yet, and the repeated last line, which tqdm writes on close
        if line and not line.endswith("? left") and done != self._done:
            self._logger.info(line)
            self._done = done

    def flush(self) -> None:
        pass


def track(what: str, items: Iterable[T], total: int, unit: str, size: int = 1) -> Iterator[T]:
    """Yield the items; log progress, rate and remaining time every few seconds.

    Parameters
    ----------
    what : name of the task, at the start of the line
    total : total number of units
    unit : what is counted, e.g. "images"
    size : units per item (the last one may have fewer)
    """
    bar_format = "{desc}: {n_fmt} of {total_fmt} " + unit + ", {rate_noinv_fmt}, {remaining} left"
    lines = _Lines(logging.getLogger("l2h"))
    with tqdm(total=total, desc=what, unit=f" {unit}", mininterval=5, file=lines, bar_format=bar_format) as bar:
        for item in items:
            yield item
            bar.update(min(size, total - bar.n))
