"""Collect from log files why the jobs of a run failed."""

import re
from collections.abc import Iterable
from pathlib import Path

_FAILED = re.compile(r"^Error in rule (\w+):\n(?: +.*\n)*? +log: (\S+)", flags=re.MULTILINE)
_PLACE = re.compile(r" ERROR the job failed in (.*)$", flags=re.MULTILINE)  # by `l2h.job`, for plug-ins
_EXCEPTION = re.compile(r"^(?:l2h[\w.]+: )?(\w.*)", flags=re.MULTILINE | re.DOTALL)  # not the indented stack


def failures(logs: Iterable[str | Path]) -> list[str]:
    """The last log line of each failed job, and the path of its log.

    Parameters
    ----------
    logs : Snakemake's own logs of the run, which name the failed jobs' log files
    """
    text = "".join(Path(log).read_text(errors="replace") for log in logs)
    told = dict.fromkeys(_FAILED.findall(text))  # a retried job is listed once
    return [f"{rule}: {_last_words(Path(path))} ({path})" for rule, path in told]


def _last_words(log: Path) -> str:
    text = log.read_text(errors="replace") if log.is_file() else ""
    _, raised, trace = text.rpartition("Traceback (most recent call last):\n")
    said = _EXCEPTION.search(trace) if raised else None
    if not said:
        return "it ended without an error message; it may have been killed, or out of memory"
    return ": ".join([*_PLACE.findall(text)[-1:], said[1].strip()])
