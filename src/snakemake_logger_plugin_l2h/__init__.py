"""Screen output of a run, for Snakemake's `--logger l2h`: one line a job, with progress and remaining time.

Snakemake finds plug-ins by their package's name, so this one is separate from `l2h`.
"""

import sys
import time
from collections import Counter
from logging import LogRecord

from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent

# duration of a rule's job relative to a ranking job, used until one has ended; measured on the quickstart
WEIGHTS = {
    "features": 15.0,
    "mirrored_features": 10.0,
    "weights": 5.0,
    "train": 4.0,
    "finetune": 100.0,
    "encode_images": 15.0,
    "costs": 20.0,
    "audit": 5.0,
    "evaluate": 3.0,
    "gallery": 3.0,
    "report": 5.0,
}


# number of jobs of a rule to run for a dataset; the workflow sets it at the start
JOBS: Counter[tuple[str, str]] = Counter()


class LogHandler(LogHandlerBase):
    """Shorten Snakemake's messages about jobs; other messages, including errors and dry runs, are unchanged."""

    writes_to_stream = True
    writes_to_file = False
    has_filter = False
    has_formatter = False
    needs_rulegraph = False

    def __post_init__(self) -> None:
        """Start the clock."""
        self.done, self.total = 0, 0
        self.start = time.monotonic()
        self.left: Counter[str] = Counter()  # jobs of each rule that have not ended
        self.running: dict[int, tuple[str, float]] = {}  # rule and start of jobs
        self.seconds: dict[str, list[float]] = {}  # durations of the finished jobs of each rule
        self.begun: Counter[tuple[str, str]] = Counter()  # jobs of each rule and dataset

    def emit(self, record: LogRecord) -> None:
        """Write a line for a record, if it needs one."""
        line = config_fault(record.getMessage())
        if not line:
            line = self.format(record) if self.common_settings.dryrun else self.line(record, time.monotonic())
        if line:
            print(line, file=sys.stdout if self.common_settings.stdout else sys.stderr, flush=True)

    def line(self, record: LogRecord, now: float) -> str:
        """The text for a record at a time, in seconds; "" for none."""
        event = getattr(record, "event", None)
        if event == LogEvent.RUN_INFO:
            self.left = Counter(record.stats)  # type: ignore[attr-defined]
            self.total = self.left.pop("total")
        if event == LogEvent.PROGRESS:
            self.done, self.total = record.done, record.total  # type: ignore[attr-defined]
            return ""
        if event == LogEvent.JOB_INFO:
            self.running[record.jobid] = record.rule_name, now  # type: ignore[attr-defined]
            what = record.rule_msg or record.rule_name  # type: ignore[attr-defined]
            spent = f" in {duration(now - self.start)}" if self.done else ""
            return f"[{self.done} of {self.total} done{spent}{self.remaining(now)}] {what}{self.place(record)}"
        if event == LogEvent.JOB_FINISHED and record.job_id in self.running:  # type: ignore[attr-defined]
            rule, began = self.running.pop(record.job_id)  # type: ignore[attr-defined]
            self.seconds.setdefault(rule, []).append(now - began)
            self.left[rule] -= 1
        if event == LogEvent.JOB_ERROR:
            self.running.pop(record.jobid, None)  # type: ignore[attr-defined]
        if event in (LogEvent.JOB_STARTED, LogEvent.JOB_FINISHED) or record.getMessage() == "Select jobs to execute...":
            return ""
        return self.format(record)

    def place(self, record: LogRecord) -> str:
        """The number of a job within its rule and dataset, if there are several."""
        of = record.rule_name, record.wildcards.get("dataset", "")  # type: ignore[attr-defined]
        self.begun[of] += 1
        return f" ({self.begun[of]} of {JOBS[of]})" if JOBS[of] > 1 else ""

    def remaining(self, now: float) -> str:
        """Estimate the remaining time from the durations of finished jobs; "" before the first has ended."""
        spent = sum(map(sum, self.seconds.values()))
        if not spent:
            return ""
        # seconds of a ranking job here; rules with few finished jobs are estimated by their relative duration
        unit = spent / sum(WEIGHTS.get(rule, 1.0) * len(some) for rule, some in self.seconds.items())
        work = 0.0
        for rule, count in self.left.items():
            some, weight = self.seconds.get(rule, []), WEIGHTS.get(rule, 1.0)
            work += count * (sum(some) + weight * unit) / (len(some) + 1)
        under_way = sum(now - began for _, began in self.running.values())
        at_a_time = max((spent + under_way) / max(now - self.start, 1e-9), 1.0)
        return f", about {duration(max(work - under_way, 0.0) / at_a_time)} left"


def config_fault(message: str) -> str:
    """Return one line for Snakemake's traceback on a config file that it cannot read, and "" for any other message."""
    if "in _load_configfile\n" not in message and not message.startswith("WorkflowError:\nConfig file "):
        return ""
    said = message.strip().splitlines()[-1]
    return f"error: a config file cannot be read ({said}); check its path, and name targets before --configfile"


def duration(seconds: float) -> str:
    """Format a duration in one suitable unit, or in hours and minutes."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"
