"""The end of a run that failed repeats why."""

import logging

import pytest

from l2h.errors import L2HError
from l2h.runs.failures import failures

ERROR = """Error in rule {rule}:
    message: None
    jobid: 12
    input: a, b
    output: c
    log: {log} (check log file(s) for error details)
[Wed Nov 25 01:55:28 2026]
"""


@pytest.fixture
def failed(tmp_path):
    """Two jobs that failed, one of them twice, and one that was killed."""
    ours, others = (
        L2HError("x.tar.gz is not available: place it yourself"),
        RuntimeError("sizes do not fit:\n  3 and 4"),
    )
    kinds = {"dataset": ours, "train": others, "rank": None}
    text = "Building DAG of jobs...\n"
    for rule, error in kinds.items():
        log = tmp_path / f"{rule}.log"
        handler = logging.FileHandler(log)
        handler.handle(logging.makeLogRecord({"msg": "it begins"}))
        if error:
            try:
                raise error
            except (L2HError, RuntimeError) as caught:
                trace = (type(caught), caught, caught.__traceback__)
                handler.handle(logging.makeLogRecord({"msg": "the job failed", "exc_info": trace}))
        handler.close()
        text += ERROR.format(rule=rule, log=log) * 2 + "Finished jobid: 16 (Rule: encode)\n"
    (tmp_path / "snakemake.log").write_text(text)
    return tmp_path


def test_each_failed_job_has_its_last_line_once(failed):
    assert failures([failed / "snakemake.log"]) == [
        f"dataset: x.tar.gz is not available: place it yourself ({failed}/dataset.log)",
        f"train: RuntimeError: sizes do not fit:\n  3 and 4 ({failed}/train.log)",
        f"rank: it ended without an error message; it may have been killed, or out of memory ({failed}/rank.log)",
    ]


def test_a_run_without_jobs_has_no_failures(tmp_path):
    (tmp_path / "snakemake.log").write_text("Building DAG of jobs...\nMissingInputException: x\n")
    assert failures([tmp_path / "snakemake.log"]) == []
