"""Progress of long work as plain log lines, which stay readable when several jobs share a screen or a log file."""

import logging
from collections.abc import Iterable, Iterator
from typing import TypeVar

from tqdm import tqdm

T = TypeVar("T")


class _Lines:
    """A file that turns what tqdm draws into log records."""

    def __init__(self, logger: logging.Logger):
        self._logger = logger
        self._done = ""

    def write(self, text: str) -> None:
        line = text.strip("\r\n ")
        done = line.rsplit(",", 2)[0]  # without rate and remaining time; the work's name may hold commas
        # not the first, which knows nothing yet; nor the end a second time, which tqdm writes when it is closed
        if line and not line.endswith("? left") and done != self._done:
            self._logger.info(line)
            self._done = done

    def flush(self) -> None:
        pass


def track(what: str, items: Iterable[T], total: int, unit: str, size: int = 1) -> Iterator[T]:
    """Yield the items and log, every few seconds, how many units are done, how fast, and what remains.

    Parameters
    ----------
    what : the work, for the line's head
    total : units in all
    unit : what is counted, e.g. "images"
    size : units an item (the last one may hold fewer)
    """
    bar_format = "{desc}: {n_fmt} of {total_fmt} " + unit + ", {rate_noinv_fmt}, {remaining} left"
    lines = _Lines(logging.getLogger("l2h"))
    with tqdm(total=total, desc=what, unit=f" {unit}", mininterval=5, file=lines, bar_format=bar_format) as bar:
        for item in items:
            yield item
            bar.update(min(size, total - bar.n))
