"""Why the jobs of a run failed, gathered from their log files, so that its end can say so."""

import re
from collections.abc import Iterable
from pathlib import Path

_FAILED = re.compile(r"^Error in rule (\w+):\n(?: +.*\n)*? +log: (\S+)", flags=re.MULTILINE)
_PLACE = re.compile(r" ERROR the job failed in (.*)$", flags=re.MULTILINE)  # a line of a plug-in, by `l2h.job`
_EXCEPTION = re.compile(r"^(?:l2h[\w.]+: )?(\w.*)", flags=re.MULTILINE | re.DOTALL)  # the calls above it are indented


def failures(logs: Iterable[str | Path]) -> list[str]:
    """What each job that failed said last, and where the rest stands.

    Parameters
    ----------
    logs : Snakemake's own logs of the run, which name the failed jobs' log files
    """
    text = "".join(Path(log).read_text(errors="replace") for log in logs)
    told = dict.fromkeys(_FAILED.findall(text))  # a job that was tried twice, once
    return [f"{rule}: {_last_words(Path(path))} ({path})" for rule, path in told]


def _last_words(log: Path) -> str:
    text = log.read_text(errors="replace") if log.is_file() else ""
    _, raised, trace = text.rpartition("Traceback (most recent call last):\n")
    said = _EXCEPTION.search(trace) if raised else None
    if not said:
        return "it ended without a word; it may have been killed, or memory was short"
    return ": ".join([*_PLACE.findall(text)[-1:], said[1].strip()])
