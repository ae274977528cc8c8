"""Faults in runs: a run survives, it is refused in one clear line, or the test fails.

A run is its own process group, with Snakemake's lock, as a user's is. Randomness follows from SEED, which is printed.
"""

import os
import random
import re
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from workspace import Workspace, kill_group

WHOLE = os.environ.get("L2H_FAULTS") == "whole"  # as `make faults` says; else a sample
SEED = int(os.environ.get("L2H_FAULTS_SEED", "0"))
CONFIG = {
    "datasets": ["digits"],
    "backbones": [{"name": "alexnet", "layer": "pool5", "weights": "untrained", "input_size": 64}],
    "methods": [
        "lsh",
        "itq",
        {"method": "hashnet", "scope": "linear", "params": {"epochs": 2, "flip": True, "lr": 1.0e-3, "validation": 0}},
        "cosine",
    ],
    "bits": [8],
    "device": "cpu",
    "threads": {"features": 2, "fit": 1},
}
TABLE = "results/tiny/comparison.csv"
CURES = re.compile(
    r"delete (it|[\w./-]+) and run|free some space|make [\w./-]+ writable|--unlock|Place it yourself"
    r"|download the bundle|fixed on system level"
)
ERROR = re.compile(r"^\s*error: (.+)$", flags=re.MULTILINE)
SNAKEMAKES = re.compile(  # what Snakemake refuses by itself, before our code runs or after
    r"^(?:Error|LockException): .*(?:\n.*)*?unlock.*$|^Output .* has older modification time .*$", flags=re.MULTILINE
)


class Outcome(Counter):
    """The number of faults of each kind that runs survived or refused: {(kind, outcome): count}."""

    def note(self, kind: str, outcome: str, times: int = 1) -> None:
        """Add to a count."""
        self[kind, outcome] += times

    def table(self) -> str:
        """Markdown: a row per kind, and the sum."""
        kinds = list(dict.fromkeys(kind for kind, _ in self))
        rows = [(kind, self[kind, "survived"], self[kind, "refused"]) for kind in kinds]
        rows.append(("**all**", sum(row[1] for row in rows), sum(row[2] for row in rows)))
        lines = ["| fault | tried | survived | refused clearly |", "|:--|--:|--:|--:|"]
        lines += [f"| {kind} | {survived + refused} | {survived} | {refused} |" for kind, survived, refused in rows]
        return "\n".join(lines)


OUTCOMES = Outcome()


def chance(*which: object) -> random.Random:
    """A random generator for one test."""
    return random.Random(f"{SEED} {which}")  # noqa: S311 (no secret)


class FaultWorkspace(Workspace):
    """A working directory for runs with faults."""

    target = result = TABLE  # the target; the file that must be the same in the end

    def __init__(self, folder: Path, config: dict = CONFIG):
        super().__init__(folder, config)

    def start(self, *arguments: str) -> "Run":
        """Start a run in its own process group."""
        return Run(self, [self.target, *arguments])

    def run(self, *arguments: str) -> "Run":
        """Run to completion or failure."""
        return self.start(*arguments).wait()

    def resume(self, *arguments: str) -> "Run":
        """Resume after a kill, as docs/how-to/rerun.md says."""
        run = Run(self, ["--unlock"]).wait()
        assert run.code == 0, run.text
        return self.start("--rerun-incomplete", *arguments)

    def table(self) -> bytes:
        """The bytes of the comparison."""
        return (self.folder / self.result).read_bytes()

    def judge(self, kind: str, run: "Run", expected: bytes, cure: Callable[[str], "Run"] | None = None) -> None:
        """Count the outcome of a run; after a refusal, the fix must lead to the expected table."""
        if run.code == 0:
            assert self.table() == expected, f"{kind}: another table\n{run.text[-3000:]}"
            OUTCOMES.note(kind, "survived")
            return
        line = run.refusal()
        assert cure is not None, f"{kind}: refused, which was not expected: {line}"
        again = cure(line)
        assert again.code == 0, f"{kind}: the cure of {line!r} does not help\n{again.text[-3000:]}"
        assert self.table() == expected, f"{kind}: another table after the cure of {line!r}"
        OUTCOMES.note(kind, "refused")


class Run:
    """A run of the workflow that was started."""

    def __init__(self, workspace: Workspace, arguments: Sequence[str]):
        self.output = workspace.folder / f"said-{time.monotonic_ns()}.log"
        with self.output.open("wb") as file:
            self.process = subprocess.Popen(
                workspace.command(*([] if "--cores" in arguments else ["--cores", "2"]), "--nocolor", *arguments),
                cwd=workspace.folder,
                env=workspace.environment,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait(self) -> "Run":
        """Wait until it ends."""
        self.process.wait(timeout=3000)
        return self

    def kill(self) -> "Run":
        """Kill the whole group at once, like a power cut."""
        kill_group(self.process)
        return self

    def wait_for_jobs(self, jobs: float) -> bool:
        """Wait until so many jobs are finished; False if the run ended before."""
        while self.process.poll() is None and len(self.steps[1]) < jobs:
            time.sleep(0.2)
        return self.process.poll() is None

    def pause(self) -> "Run":
        """Stop its processes."""
        os.killpg(self.process.pid, signal.SIGSTOP)
        return self

    def go_on(self) -> "Run":
        """Continue after a pause."""
        os.killpg(self.process.pid, signal.SIGCONT)
        return self

    @property
    def code(self) -> int | None:
        """The exit code."""
        return self.process.returncode

    @property
    def text(self) -> str:
        """Its output so far."""
        return self.output.read_text(errors="replace")

    @property
    def steps(self) -> tuple[list[str], list[str]]:
        """The messages of the jobs that started, and of those that finished."""
        begun = dict(re.findall(r"^Job (\d+): (.*)$", self.text, flags=re.MULTILINE))
        finished = re.findall(r"^Finished jobid: (\d+)", self.text, flags=re.MULTILINE)
        return list(begun.values()), [begun[number] for number in finished if number in begun]

    def refusal(self) -> str:
        """The error line with a fix; there must be one, and no traceback."""
        found = ERROR.findall(self.text) or SNAKEMAKES.findall(self.text)
        assert found, f"no line says what is wrong\n{self.text[-3000:]}"
        assert "Traceback (most recent call last)" not in self.text, self.text[-3000:]
        line = found[0]
        assert CURES.search(line), f"no cure in {line!r}"
        return line
