"""`l2h run`: one run at a time, and resume after a kill; with a workflow of one sleeping job."""

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import threading
import time

import pytest

from l2h.cli import main, run
from l2h.plan import workflow
from workspace import ROOT, group

SNAKEFILE = """
rule all:
    output: "done"
    shell: "cat seconds | xargs sleep && cp seconds {output}"
"""
# the command, with this folder in place of the workflow's own
COMMAND = "import sys; from l2h.plan import workflow; from pathlib import Path; from l2h.cli import main; "
COMMAND += "workflow.folder = lambda: Path(sys.argv[1]); sys.exit(main(['run', *sys.argv[2:]]))"


@pytest.fixture
def inside(tmp_path, monkeypatch):
    """A workflow's folder, and a working directory with a config."""
    folder = tmp_path / "workflow"
    folder.mkdir()
    (folder / "Snakefile").write_text(SNAKEFILE)
    shutil.copytree(ROOT / "profiles/local", folder / "profiles/local")
    monkeypatch.setattr(workflow, "folder", lambda: folder)
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    (tmp_path / "work/mine.yaml").write_text("a: 1\n")
    (tmp_path / "work/seconds").write_text("0")
    return tmp_path / "work"


def command(inside, *words):
    return [sys.executable, "-c", COMMAND, inside.parent / "workflow", "mine.yaml", *words]


def test_l2h_run_works_in_any_directory(inside, capfd):
    assert main(["run", "mine.yaml", "--cores", "1"]) == 0
    assert (inside / "done").read_text() == "0"
    assert "[0 of 1 done] all" in capfd.readouterr().err
    shutil.copytree(inside, inside.parent / "elsewhere", ignore=shutil.ignore_patterns("done", ".snakemake"))
    there = ["run", "mine.yaml", "--directory", str(inside.parent / "elsewhere")]
    assert main([*there, "--dry-run"]) == 0
    assert not (inside.parent / "elsewhere/done").exists()
    assert main(there) == 0  # though Snakemake's dry run leaves an empty folder of locks
    assert (inside.parent / "elsewhere/done").exists()


def test_the_same_command_resumes_after_a_kill(inside):
    (inside / "seconds").write_text("100")
    with group(command(inside), cwd=inside) as process:
        while not list(inside.glob(".snakemake/incomplete/*")):
            assert process.poll() is None
            time.sleep(0.05)
        refused = subprocess.run(command(inside), cwd=inside, check=False, capture_output=True, text=True)
        assert refused.returncode == 1
        line = f"l2h: error: a run is active in . (process {process.pid} on {os.uname().nodename}); wait until it ends"
        assert refused.stderr == f"{line}, or stop it\n"
        os.killpg(process.pid, signal.SIGKILL)
    assert (inside / ".snakemake/locks").exists()
    (inside / "seconds").write_text("0")
    again = subprocess.run(command(inside), cwd=inside, check=False, capture_output=True, text=True)
    assert (again.returncode, (inside / "done").read_text()) == (0, "0")
    assert ". was locked by a killed run; resuming it\n" in again.stderr
    assert (inside / ".snakemake/l2h.lock").read_text() == ""


def test_snakemake_s_own_lock_is_not_removed(inside, capsys):
    locks = inside / ".snakemake/locks"
    locks.mkdir(parents=True)
    (locks / "0.output.lock").write_text("done\n")
    assert main(["run", "mine.yaml"]) == 1
    assert f"if none is active, delete {locks.relative_to(inside)}" in capsys.readouterr().err
    assert (locks / "0.output.lock").exists()


def test_errors_before_the_start_are_one_line(inside, capsys):
    assert main(["run", "mne.yaml"]) == 1
    assert capsys.readouterr().err == (
        "l2h: error: mne.yaml does not exist (did you mean 'mine.yaml'?); give the path of a config\n"
    )
    assert main(["run", "."]) == 1
    assert capsys.readouterr().err == "l2h: error: . is not a file; give the path of a config\n"
    (inside / ".snakemake").mkdir()
    with (inside / ".snakemake/l2h.lock").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        assert main(["run", "mine.yaml"]) == 1
    assert capsys.readouterr().err.startswith("l2h: error: a run is active in .")


@pytest.mark.parametrize(
    ("job", "code"), [("", -signal.SIGINT), ("subprocess.run(['sleep', '1.8']); sys.exit(5); ", 5)]
)
def test_a_hanging_snakemake_is_interrupted_after_sigterm(monkeypatch, job, code):
    monkeypatch.setattr(run, "GRACE", 0.5)
    deaf = "import signal, subprocess, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
    deaf += f"signal.signal(signal.SIGINT, signal.default_int_handler); print('ready', flush=True); {job}time.sleep(60)"
    before = signal.getsignal(signal.SIGTERM)
    process = subprocess.Popen([sys.executable, "-c", deaf], stdout=subprocess.PIPE)
    try:
        assert process.stdout.readline() == b"ready\n"
        threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGTERM)).start()
        assert run._wait(process) == code
    finally:
        signal.signal(signal.SIGTERM, before)
        process.kill()
        process.wait()
