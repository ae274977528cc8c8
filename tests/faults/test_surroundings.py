"""The environment of a run: disk space, permissions, a second run, the clock."""

import os
import re
import shutil
import subprocess
import time
from contextlib import suppress

import pytest

import disks
from harness import OUTCOMES, WHOLE

STEP = 86_400 * 400


WHERE = {"results": "compare", "resources/digits": "dataset", "resources/weights": "weights"}


@pytest.mark.parametrize("where", WHERE if WHOLE else ["results"])
def test_a_full_disk_is_refused_with_a_fix(where, undisturbed, tmp_path):
    """The files are recreated on a disk without space."""
    workspace = undisturbed.copy(tmp_path / "work")
    with disks.small(tmp_path / "disk", "300m") as disk:
        shutil.rmtree(workspace.folder / where)
        (workspace.folder / where).symlink_to(disk)
        fill(disk / "filler")
        run = workspace.run("--forcerun", WHERE[where])

        def make_room(line):
            assert where in line, line
            (disk / "filler").unlink()
            return workspace.run("--rerun-incomplete")

        workspace.judge("disk full", run, undisturbed.table(), make_room)


def fill(path):
    """Fill the disk."""
    with suppress(OSError), path.open("wb", buffering=0) as file:
        while file.write(bytes(1 << 16)):
            pass


@pytest.mark.parametrize("rule", ["evaluate", "split"] if WHOLE else ["evaluate"])
def test_a_read_only_folder_is_refused_with_a_fix(rule, undisturbed, tmp_path):
    workspace = undisturbed.copy(tmp_path / "work")
    folder = workspace.folder / ("results" if rule == "evaluate" else "resources")
    with disks.read_only(folder):
        run = workspace.run("--forcerun", rule)
    assert run.code != 0
    assert re.search("Write-protected output files|Read-only file system", run.text), run.text[-3000:]
    assert f"{folder.name}/" in run.text
    again = workspace.run("--rerun-incomplete")
    assert again.code == 0, again.text[-3000:]
    assert workspace.table() == undisturbed.table()
    OUTCOMES.note("folder read-only", "refused")


def test_two_runs_at_once_do_not_mix(undisturbed, tmp_path):
    workspace = undisturbed.copy(tmp_path / "work")
    first = workspace.start("--forcerun", "evaluate")
    while first.process.poll() is None and not first.steps[0]:
        time.sleep(0.05)
    first.pause()
    second = workspace.run()
    first.go_on()
    assert second.code != 0
    assert "cannot be locked" in second.text
    assert "--unlock" in second.text
    OUTCOMES.note("second run at once", "refused")
    workspace.judge("first of two runs", first.wait(), undisturbed.table())


@pytest.mark.parametrize("step", [STEP, -STEP], ids=["future", "past"])
def test_a_clock_that_jumps_does_no_harm(step, undisturbed, tmp_path):
    """Files of a run whose clock was wrong, then a part rerun with the right one.

    What comes from the future is newer than what is made of it, which Snakemake refuses.
    """
    workspace = undisturbed.copy(tmp_path / "work")
    for path in workspace.folder.rglob("*"):
        if path.is_file() and "weights" not in path.parts:
            status = path.stat()
            os.utime(path, (status.st_atime + step, status.st_mtime + step))

    def put_right(line):
        """As docs/how-to/rerun.md says."""
        assert "clock skew" in line
        command = 'find results resources -newermt now -exec touch --date "$(date)" {} +'
        subprocess.run(command, shell=True, check=True, cwd=workspace.folder)  # noqa: S602
        return workspace.run()

    workspace.judge("clock", workspace.run("--forcerun", "compare"), undisturbed.table(), put_right)
