"""What a run says on the screen, for Snakemake's `--logger l2h`: a line a job, how far the run is, and what remains.

Snakemake finds its plug-ins by the name of their package, so this one stands beside `l2h`.
"""

import sys
import time
from collections import deque
from logging import LogRecord

from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent

RECENT = 30  # jobs whose pace tells what remains: the first ones, data and features, are unlike the many that follow


class LogHandler(LogHandlerBase):
    """Shorten what is said of jobs; all else, errors and dry runs too, is as Snakemake says it."""

    writes_to_stream = True
    writes_to_file = False
    has_filter = False
    has_formatter = False
    needs_rulegraph = False

    def __post_init__(self) -> None:
        """Start the clock."""
        self.done, self.total = 0, 0
        self.times = deque([time.monotonic()], maxlen=RECENT)  # when the run began, or when jobs ended

    def emit(self, record: LogRecord) -> None:
        """Write what a record means, if it is worth a line."""
        line = self.format(record) if self.common_settings.dryrun else self.line(record, time.monotonic())
        if line:
            print(line, file=sys.stdout if self.common_settings.stdout else sys.stderr, flush=True)

    def line(self, record: LogRecord, now: float) -> str:
        """What to write of a record at a time, in seconds; "" for nothing."""
        event = getattr(record, "event", None)
        if event == LogEvent.RUN_INFO:
            self.total = record.stats["total"]  # type: ignore[attr-defined]
        if event == LogEvent.PROGRESS:
            self.done, self.total = record.done, record.total  # type: ignore[attr-defined]
            self.times.append(now)
            return ""
        if event == LogEvent.JOB_INFO:
            what = record.rule_msg or record.rule_name  # type: ignore[attr-defined]
            return f"[{self.done} of {self.total} done{self.remaining(now)}] {what}"
        if event in (LogEvent.JOB_STARTED, LogEvent.JOB_FINISHED) or record.getMessage() == "Select jobs to execute...":
            return ""
        return self.format(record)

    def remaining(self, now: float) -> str:
        """What the rest takes at the pace of the last jobs; nothing before there is a pace to go by."""
        if len(self.times) < 2:
            return ""
        pace = (now - self.times[0]) / (len(self.times) - 1)
        return f", about {duration(pace * (self.total - self.done))} left"


def duration(seconds: float) -> str:
    """A time in the one unit that suits it, or in hours and minutes."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"
