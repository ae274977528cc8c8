"""What a run says on the screen."""

import re
from logging import INFO, makeLogRecord
from types import SimpleNamespace

import pytest
from snakemake_interface_logger_plugins.common import LogEvent

from l2h.progress import track
from snakemake_logger_plugin_l2h import LogHandler, duration


@pytest.fixture
def screen():
    """A handler of a run that began at 0 s."""
    handler = LogHandler(SimpleNamespace(dryrun=False, stdout=False), None)
    handler.times[0] = 0.0
    return handler


def record(event=None, msg=None, **extra):
    return makeLogRecord({"levelno": INFO, "msg": msg, "event": event, **extra})


def test_a_job_is_a_line_with_what_is_done_and_what_remains(screen):
    assert "total 8" in screen.line(record(LogEvent.RUN_INFO, "total 8", stats={"fit": 8, "total": 8}), 0.0)
    job = record(LogEvent.JOB_INFO, rule_msg="digits: fit itq, 8 bits", rule_name="fit")
    assert screen.line(job, 5.0) == "[0 of 8 done] digits: fit itq, 8 bits"
    assert screen.line(record(LogEvent.PROGRESS, done=1, total=8), 10.0) == ""
    assert screen.line(job, 20.0) == "[1 of 8 done, about 2 min left] digits: fit itq, 8 bits"
    nameless = record(LogEvent.JOB_INFO, rule_msg=None, rule_name="all")
    assert screen.line(nameless, 10.0) == "[1 of 8 done, about 70 s left] all"


def test_what_remains_follows_the_pace_of_the_last_jobs(screen):
    for done in range(1, 101):
        screen.line(record(LogEvent.PROGRESS, done=done, total=200), 1000.0 + done)
    assert screen.remaining(1100.0) == ", about 2 min left"  # 100 jobs, a second each; not eleven


def test_chatter_is_left_out_and_everything_else_is_not(screen):
    assert screen.line(record(LogEvent.JOB_STARTED, "Execute 2 jobs..."), 0.0) == ""
    assert screen.line(record(LogEvent.JOB_FINISHED, "Finished jobid: 3"), 0.0) == ""
    assert screen.line(record(None, "Select jobs to execute..."), 0.0) == ""
    assert screen.line(record(LogEvent.JOB_ERROR, "it broke"), 0.0) == "it broke"
    assert screen.line(record(None, "Exiting"), 0.0) == "Exiting"


@pytest.mark.parametrize(("seconds", "words"), [(3, "3 s"), (89, "89 s"), (100, "2 min"), (5400, "1 h 30 min")])
def test_times_are_in_the_unit_that_suits_them(seconds, words):
    assert duration(seconds) == words


def test_progress_says_what_how_far_and_what_remains_once_it_knows(caplog):
    caplog.set_level(INFO, "l2h")
    assert list(track("checking", range(3), 600, "pictures", 200)) == [0, 1, 2]
    assert caplog.messages
    assert all(re.fullmatch(r"checking: \d+ of 600 pictures, .*/s, 00:00 left", line) for line in caplog.messages)
