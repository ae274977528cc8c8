"""What a run says on the screen, for Snakemake's `--logger l2h`: a line a job, how far the run is, and what remains.

Snakemake finds its plug-ins by the name of their package, so this one stands beside `l2h`.
"""

import sys
import time
from collections import Counter
from logging import LogRecord

from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent

# what a job of a kind takes beside one that ranks, where none has ended yet: measured on the quickstart
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


# how many jobs of a rule are to run for a dataset; the workflow fills it in when it starts
JOBS: Counter[tuple[str, str]] = Counter()


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
        self.start = time.monotonic()
        self.left: Counter[str] = Counter()  # jobs of each rule that have not ended
        self.running: dict[int, tuple[str, float]] = {}  # rule and start of jobs
        self.seconds: dict[str, list[float]] = {}  # what the jobs of each rule that have ended took
        self.begun: Counter[tuple[str, str]] = Counter()  # jobs of each rule and dataset

    def emit(self, record: LogRecord) -> None:
        """Write what a record means, if it is worth a line."""
        line = config_fault(record.getMessage())
        if not line:
            line = self.format(record) if self.common_settings.dryrun else self.line(record, time.monotonic())
        if line:
            print(line, file=sys.stdout if self.common_settings.stdout else sys.stderr, flush=True)

    def line(self, record: LogRecord, now: float) -> str:
        """What to write of a record at a time, in seconds; "" for nothing."""
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
        """Which job of its rule and dataset one is, if there are several."""
        of = record.rule_name, record.wildcards.get("dataset", "")  # type: ignore[attr-defined]
        self.begun[of] += 1
        return f" ({self.begun[of]} of {JOBS[of]})" if JOBS[of] > 1 else ""

    def remaining(self, now: float) -> str:
        """What the rest takes, by what jobs of each rule have taken; nothing before one has ended."""
        spent = sum(map(sum, self.seconds.values()))
        if not spent:
            return ""
        # a light job's seconds here; a rule that has hardly been seen takes its weight in these
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
    """A time in the one unit that suits it, or in hours and minutes."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"
