"""The lines that a run prints."""

import re
from logging import INFO, makeLogRecord
from types import SimpleNamespace

import pytest
from snakemake_interface_logger_plugins.common import LogEvent
from tqdm import tqdm

from l2h import progress
from l2h.progress import track
from snakemake_logger_plugin_l2h import JOBS, LogHandler, duration


@pytest.fixture
def screen():
    """A handler of a run that began at 0 s."""
    handler = LogHandler(SimpleNamespace(dryrun=False, stdout=False), None)
    handler.start = 0.0
    return handler


def record(event=None, msg=None, **extra):
    return makeLogRecord({"levelno": INFO, "msg": msg, "event": event, "wildcards": {}, **extra})


def run(screen, jobs, begin, end, rule="rank"):
    """Let jobs of one rule run one after the other between two times; return the last line's estimate."""
    for number, job in enumerate(jobs):
        start, stop = (begin + (end - begin) * (number + part) / len(jobs) for part in (0, 1))
        screen.line(record(LogEvent.JOB_INFO, rule_msg="a job", rule_name=rule, jobid=job), start)
        screen.line(record(LogEvent.JOB_FINISHED, "Finished", job_id=job), stop)
        screen.line(record(LogEvent.PROGRESS, done=job + 1, total=screen.total), stop)
    return screen.remaining(end)


def test_a_job_is_a_line_with_done_and_remaining(screen):
    assert "total 8" in screen.line(record(LogEvent.RUN_INFO, "total 8", stats={"rank": 8, "total": 8}), 0.0)
    job = record(LogEvent.JOB_INFO, rule_msg="digits: rank by itq", rule_name="rank", jobid=0)
    assert screen.line(job, 0.0) == "[0 of 8 done] digits: rank by itq"
    assert screen.line(record(LogEvent.JOB_FINISHED, "Finished", job_id=0), 20.0) == ""
    assert screen.line(record(LogEvent.PROGRESS, done=1, total=8), 20.0) == ""
    nameless = record(LogEvent.JOB_INFO, rule_msg=None, rule_name="all", jobid=1)
    assert screen.line(nameless, 20.0) == "[1 of 8 done in 20 s, about 2 min left] all"


def test_a_job_is_counted_within_its_stage_and_dataset(screen, monkeypatch):
    monkeypatch.setitem(JOBS, ("train", "digits"), 2)
    monkeypatch.setitem(JOBS, ("costs", "digits"), 1)
    words = []
    for number, (rule, dataset) in enumerate([("train", "digits"), ("train", "mnist"), ("train", "digits")]):
        job = {"rule_msg": rule, "rule_name": rule, "jobid": number, "wildcards": {"dataset": dataset}}
        words.append(screen.line(record(LogEvent.JOB_INFO, **job), 0.0))
    assert words == ["[0 of 0 done] train (1 of 2)", "[0 of 0 done] train", "[0 of 0 done] train (2 of 2)"]


def test_remaining_time_follows_the_jobs_of_each_rule(screen):
    """Light jobs first, then heavy ones: their time is known as soon as one has ended."""
    screen.line(record(LogEvent.RUN_INFO, "", stats={"rank": 100, "split": 10, "total": 110}), 0.0)
    assert run(screen, range(50), 0.0, 50.0) == ", about 60 s left"
    run(screen, range(100, 105), 50.0, 550.0, "split")  # 100 s each, not one as those that rank
    left = 5 * (500 + 550 / 55) / 6 + 50
    assert screen.remaining(550.0) == f", about {duration(left)} left"


def test_long_rules_are_weighed_from_the_start(screen):
    screen.line(record(LogEvent.RUN_INFO, "", stats={"rank": 10, "costs": 1, "total": 11}), 0.0)
    assert run(screen, range(5), 0.0, 5.0) == ", about 25 s left"
    screen.line(record(LogEvent.JOB_INFO, rule_msg="costs", rule_name="costs", jobid=9), 5.0)
    screen.line(record(LogEvent.JOB_ERROR, "it broke", jobid=9), 6.0)
    assert screen.running == {}


def test_two_jobs_at_a_time_halve_the_remaining_time(screen):
    screen.line(record(LogEvent.RUN_INFO, "", stats={"rank": 40, "total": 40}), 0.0)
    for job in range(20):
        screen.line(record(LogEvent.JOB_INFO, rule_msg="a job", rule_name="rank", jobid=job), 2.0 * (job // 2))
        screen.line(record(LogEvent.JOB_FINISHED, "Finished", job_id=job), 2.0 * (job // 2) + 2)
    assert screen.remaining(20.0) == ", about 20 s left"


def test_only_chatter_is_left_out(screen):
    assert screen.line(record(LogEvent.JOB_STARTED, "Execute 2 jobs..."), 0.0) == ""
    assert screen.line(record(LogEvent.JOB_FINISHED, "Finished jobid: 3", job_id=3), 0.0) == ""
    assert screen.line(record(None, "Select jobs to execute..."), 0.0) == ""
    assert screen.line(record(LogEvent.JOB_ERROR, "it broke", jobid=7), 0.0) == "it broke"
    assert screen.line(record(None, "Exiting"), 0.0) == "Exiting"


@pytest.mark.parametrize(("seconds", "words"), [(3, "3 s"), (89, "89 s"), (100, "2 min"), (5400, "1 h 30 min")])
def test_times_are_in_fitting_units(seconds, words):
    assert duration(seconds) == words


def test_progress_shows_what_is_done_and_remaining(caplog, monkeypatch):
    caplog.set_level(INFO, "l2h")
    monkeypatch.setattr(progress, "tqdm", lambda **options: tqdm(**{**options, "mininterval": 0, "miniters": 1}))
    assert list(track("checking a, b", range(3), 600, "images", 200)) == [0, 1, 2]
    assert caplog.messages
    done = [int(re.search(r": (\d+) of", line)[1]) for line in caplog.messages]
    assert done == sorted(set(done))
    assert done[-1] == 600
    assert len(done) >= 3
    assert all(re.fullmatch(r"checking a, b: \d+ of 600 images, .*/s, 00:00 left", line) for line in caplog.messages)


MISSING = """Traceback (most recent call last):
  File "snakemake/common/configfile.py", line 12, in _load_configfile
    obj = open(configpath_or_obj, encoding="utf-8")
FileNotFoundError: [Errno 2] No such file or directory: 'nope.yaml'
"""


@pytest.mark.parametrize("dryrun", [False, True])
@pytest.mark.parametrize(
    ("message", "said"),
    [
        (MISSING, "FileNotFoundError: [Errno 2] No such file or directory: 'nope.yaml'"),
        ("WorkflowError:\nConfig file is not valid JSON or YAML.", "Config file is not valid JSON or YAML."),
    ],
)
def test_an_unreadable_config_file_is_one_line(message, said, dryrun, capsys):
    handler = LogHandler(SimpleNamespace(dryrun=dryrun, stdout=False), None)
    handler.emit(record(LogEvent.ERROR, message))
    cure = "check its path, and name targets before --configfile"
    assert capsys.readouterr().err == f"error: a config file cannot be read ({said}); {cure}\n"


def test_other_errors_of_snakemake_stay_unchanged(screen):
    message = "Traceback (most recent call last):\n  File x, line 1, in schedule\nKeyError: 'a'"
    screen.emit(record(LogEvent.ERROR, message))
    assert screen.line(record(LogEvent.ERROR, message), 0.0) == message
