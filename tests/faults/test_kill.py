"""Runs and jobs killed by SIGKILL: the next run resumes, and gives the same table."""

import os
import signal
import time
from pathlib import Path

import pytest
import yaml

from harness import OUTCOMES, WHOLE, FaultWorkspace, chance
from workspace import ROOT

KILLS = 20 if WHOLE else 3
BETWEEN = 24 if WHOLE else 6  # at most so many jobs between two kills
ALL = float("inf")  # more jobs than a run has


@pytest.fixture
def quickstart(undisturbed, tmp_path_factory):
    """The undisturbed quickstart, or the small config if a sample is enough."""
    if not WHOLE:
        return undisturbed
    config = yaml.safe_load((ROOT / "config" / "quickstart.yaml").read_text())
    workspace = FaultWorkspace(tmp_path_factory.mktemp("quickstart") / "work", config)
    run = workspace.run()
    assert run.code == 0, run.text[-5000:]
    return workspace


def test_killed_runs_resume_to_the_same_table(quickstart, tmp_path):
    """From nothing: kill and resume at random moments until it finishes; then again, until enough were killed."""
    killed, rounds, order = 0, 0, chance("kills")
    while killed < KILLS:
        workspace, rounds, before = FaultWorkspace(tmp_path / str(rounds), quickstart.config), rounds + 1, killed
        finished: set[str] = set()
        run = workspace.start()
        while wait_for_jobs(run, order.randint(0, BETWEEN) if killed < KILLS else ALL, order.uniform(0, 5)):
            run.kill()
            killed += 1
            begun, done = run.steps
            assert not finished & set(begun), "a job that was reported as finished is rerun"
            finished |= set(done)
            run = workspace.resume()
        assert not finished & set(run.steps[0]), "a job that was reported as finished is rerun"
        assert run.wait().code == 0, run.text[-3000:]
        assert workspace.table() == quickstart.table()
        OUTCOMES.note("kill -9 of a whole run", "survived", killed - before)


def wait_for_jobs(run, jobs: float, seconds: float) -> bool:
    """Wait until so many jobs are finished, and a moment more; False if the run ended before."""
    while run.process.poll() is None and len(run.steps[1]) < jobs:
        time.sleep(0.2)
    end = time.monotonic() + seconds
    while run.process.poll() is None and time.monotonic() < end:
        time.sleep(0.2)
    return run.process.poll() is None


@pytest.mark.parametrize("rule", ["train", "rank", "features", "compare"] if WHOLE else ["train"])
def test_a_killed_job_is_run_again(rule, undisturbed, tmp_path):
    """The run fails and names the job; the same command resumes."""
    workspace = undisturbed.copy(tmp_path / "work")
    run = workspace.start("--forcerun", rule)
    while run.process.poll() is None:
        script = next((job for job in jobs_of(run.process.pid) if job[1].endswith(f".{rule}.py")), None)
        if script:
            os.kill(script[0], signal.SIGKILL)
            break
        time.sleep(0.02)
    run.wait()
    assert run.code != 0
    assert f"Error in rule {rule}" in run.text
    workspace.judge("kill -9 of a job", workspace.run(), undisturbed.table())


def jobs_of(group: int) -> list[tuple[int, str]]:
    """Ids and scripts of the processes of a group."""
    found = []
    for path in Path("/proc").iterdir():
        if path.name.isdigit():
            try:
                if os.getpgid(int(path.name)) == group:
                    words = (path / "cmdline").read_bytes().split(b"\0")
                    found += [(int(path.name), word.decode()) for word in words if b"/.snakemake/scripts/" in word]
            except (ProcessLookupError, FileNotFoundError):
                continue
    return found
