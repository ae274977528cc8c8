"""`l2h run`: run a config, or resume a run that was stopped."""

import fcntl
import os
import platform
import signal
import subprocess
import sys
import time
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from l2h import extras
from l2h.cli import command
from l2h.errors import L2HError, hint
from l2h.plan import workflow

DOES = """Run a config and write its table and report; finished steps are not rerun.

To resume after a kill or a power cut, run the same command again: it removes the stale lock and recreates incomplete
files. The command calls Snakemake with the profile for a single machine; for other profiles, such as a cluster's, and
for other options of Snakemake, call snakemake itself."""

GRACE = 30  # seconds without a job that Snakemake has to end after SIGTERM
LOCK = ".snakemake/l2h.lock"  # locked (flock) while a run is active; its text names the process
LOCKS = ".snakemake/locks"  # the folder of Snakemake's own lock, which a killed run leaves; a dry run leaves it empty


def add_to(commands: command.Commands) -> None:
    """Add the command."""
    examples = [
        "l2h run config/quickstart.yaml",
        "l2h run mine.yaml --directory /data/mine --cores 8",
        "l2h run mine.yaml --dry-run",
        "l2h run mine.yaml results/mine/comparison.csv",
    ]
    failed = "the run failed or could not start, or another run is active in the directory"
    parser = command.add(commands, "run", run, DOES, examples, failed, prints_json=False)
    parser.add_argument("config", type=Path, metavar="CONFIG", help="a config, YAML or JSON")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help="files or rules to run (default: the whole run)")
    directory = "where results/ and resources/ are, and base of the config's relative paths (default: here)"
    parser.add_argument("--directory", type=Path, default=Path(), metavar="DIR", help=directory)
    parser.add_argument("--cores", type=command.count, metavar="N", help="number of CPU cores to use (default: all)")
    parser.add_argument("--dry-run", action="store_true", help="print the jobs that would run, but run nothing")


def run(arguments: Namespace) -> int:
    """Call Snakemake and return its exit code."""
    extras.require("snakemake")
    _require_config(arguments.config)
    directory: Path = arguments.directory
    snakemake = _snakemake(arguments)
    if arguments.dry_run:
        return subprocess.run([*snakemake, "--dry-run"], check=False).returncode  # noqa: S603 (the user's arguments)
    with _locked(directory) as (lock, killed):
        locked = any((directory / LOCKS).glob("*"))
        if killed and locked:
            print(f"{directory} was locked by a killed run; resuming it", file=sys.stderr)
            subprocess.run([*snakemake, "--unlock"], check=True, capture_output=True)  # noqa: S603
        elif locked:
            raise L2HError(
                f"{directory} is locked by a run of snakemake: wait until it ends, or, if none is active, "
                f"delete {directory / LOCKS}"
            )
        return _wait(subprocess.Popen(snakemake, pass_fds=[lock]))  # noqa: S603


def _snakemake(arguments: Namespace) -> list[str]:
    """Snakemake's command line; targets come first, because --configfile takes all arguments that follow it."""
    folder = workflow.folder()
    words = [sys.executable, "-m", "snakemake", *arguments.targets, "--snakefile", str(folder / "Snakefile")]
    words += ["--directory", str(arguments.directory), "--profile", str(folder / "profiles/local")]
    words += ["--cores", str(arguments.cores)] if arguments.cores else []
    return [*words, "--configfile", str(arguments.config.resolve())]


@contextmanager
def _locked(directory: Path) -> Iterator[tuple[int, bool]]:
    """Hold the directory's lock; yields its file descriptor, and whether the last run that held it was killed.

    The kernel frees the lock when all processes that hold it, including Snakemake, have ended. A run clears the lock's
    text when it ends, so text that is found at the start was left by a killed run.
    """
    path = directory / LOCK
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a+", encoding="utf-8")
    except OSError as error:
        raise L2HError(f"{path} cannot be written ({error.strerror}); make {directory} writable") from error
    with file:
        file.seek(0)
        holder = file.read().strip()
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise L2HError(f"a run is active in {directory} ({holder}); wait until it ends, or stop it") from None
        file.truncate(0)
        file.write(f"process {os.getpid()} on {platform.node()}\n")
        file.flush()
        try:
            yield file.fileno(), bool(holder)
        finally:
            file.truncate(0)


def _wait(process: "subprocess.Popen[bytes]") -> int:
    """Wait for Snakemake: it receives Ctrl-C itself; SIGTERM, after which it finishes the running jobs, is forwarded.

    Snakemake can hang after SIGTERM: its handler may wait for a lock that the interrupted code holds. So if it has had
    no job for GRACE seconds, it is interrupted, and killed after as many more. The next run recreates incomplete files.
    """
    stopping = False

    def stop(number: int, frame: object) -> None:
        nonlocal stopping
        stopping = True
        process.send_signal(number)

    signal.signal(signal.SIGTERM, stop)
    harder, busy = [signal.SIGINT, signal.SIGKILL], time.monotonic()
    while True:
        try:
            return process.wait(timeout=min(1, GRACE / 4))
        except KeyboardInterrupt:
            continue
        except subprocess.TimeoutExpired:
            if not stopping or _has_children(process.pid):
                busy = time.monotonic()
            elif harder and time.monotonic() >= busy + GRACE:
                process.send_signal(harder.pop(0))
                busy = time.monotonic()


def _has_children(pid: int) -> bool:
    return any(path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/children"))


def _require_config(path: Path) -> None:
    if path.is_file():
        return
    if path.exists():
        raise L2HError(f"{path} is not a file; give the path of a config")
    known = sorted(str(one) for one in path.parent.glob("*.y*ml")) if path.parent.is_dir() else []
    there = f"; there are {', '.join(known)}" if known else ""
    raise L2HError(f"{path} does not exist{hint(str(path), known) or there}; give the path of a config")
