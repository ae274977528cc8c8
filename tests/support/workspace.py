"""A working directory in which tests run the workflow, and the config of the run that they share."""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import yaml

ROOT = Path(__file__).parents[2]
SUPPORT = Path(__file__).parent
BACKBONE = "alexnet-pool5"
HASHNET = {"method": "hashnet", "scope": "auto", "params": {"epochs": 2, "hidden": 32, "flip": True}}
FULL = {"method": "dsh", "scope": "full", "label": "dsh-full", "params": {"epochs": 1, "batch_size": 32}}
EXTERNAL = {"method": "external", "params": {"codes": "codes/{dataset}-{bits}.npy"}}
WIDE = {"method": "lsh", "label": "wide", "params": {"pca_dims": 400}}  # digit_pairs has 300 training images
CONFIG = {
    "datasets": ["digits", "digit_pairs", "nuswide_81_m"],  # the last is not available
    "backbones": [{"name": "alexnet", "layer": "pool5", "weights": "untrained", "input_size": 63}],
    "methods": [HASHNET, "itq", "toy", FULL, "cosine", "pq", "classifier", WIDE, EXTERNAL],
    "bits": [8],
    "device": "cpu",
    "threads": {"features": 2, "fit": 1},
    "plugins": ["toy_method.py"],
}
VARIANTS = ["hashnet", "itq", "toy", "dsh-full", "cosine", "pq", "classifier", "wide", "external"]


@contextmanager
def group(command: Sequence[str], **options: Any) -> Iterator[subprocess.Popen]:
    """A process in its own group. At the end, the rest of the group is killed and printed."""
    process = subprocess.Popen(command, start_new_session=True, **options)
    try:
        yield process
    finally:
        if kill_group(process):
            print(f"killed {process.pid} and its group: {shlex.join(map(str, command))[:200]}", file=sys.stderr)


def kill_group(process: subprocess.Popen) -> bool:
    """Kill the rest of a process's group; False if there is none."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    finally:
        process.wait()
    return True


@contextmanager
def moved(path: Path) -> Iterator[None]:
    """Move a file or folder away for a while; a replacement is deleted at the end."""
    away = path.with_name(path.name + ".away")
    path.rename(away)
    try:
        yield
    finally:
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        away.rename(path)


class Workspace:
    """A working directory with its own copy of the package and the config."""

    def __init__(self, folder: Path, config: dict = CONFIG):
        self.folder = folder
        self.config = config
        self.record = folder / "record"
        if not self.record.exists():
            self.record.mkdir(parents=True)
            shutil.copytree(ROOT / "src", folder / "src", ignore=shutil.ignore_patterns("*.egg-info", "__pycache__"))
            shutil.copy(SUPPORT / "toy_method.py", folder)
            (folder / "codes").mkdir()
            from sklearn.datasets import load_digits  # 1 s, also for xdist's own process, which imports this file

            np.save(folder / "codes/digits-8.npy", load_digits().target[:, None] >> np.arange(8) & 1)
            np.save(folder / "codes/digit_pairs-8.npy", np.random.default_rng(0).integers(0, 2, (898, 8)))
            self.configure(config)

    def copy(self, folder: Path) -> "Workspace":
        """Copy the directory, times included; weights, which are large and only ever replaced, are links."""

        def linked(source: str, target: str) -> None:
            (os.link if "/resources/weights/" in source else shutil.copy2)(source, target)

        shutil.copytree(self.folder, folder, copy_function=linked)
        return type(self)(folder, self.config)

    def configure(self, config: dict, name: str = "tiny") -> None:
        """Write a config."""
        (self.folder / f"{name}.yaml").write_text(yaml.safe_dump(config))

    def command(self, *arguments: object, config: str = "tiny") -> list[str]:
        """The command line of Snakemake."""
        command = [sys.executable, "-m", "snakemake", "--snakefile", ROOT / "Snakefile", "--directory", self.folder]
        return list(map(str, [*command, "--configfile", self.folder / f"{config}.yaml", *arguments]))

    @property
    def environment(self) -> dict[str, str]:
        """Its environment variables."""
        paths = os.pathsep.join(map(str, (self.folder / "src", SUPPORT / "recorder")))
        return {**os.environ, "PYTHONPATH": paths, "L2H_RECORD": str(self.record)}

    def snakemake(
        self, *arguments: object, config: str = "tiny", check: bool = True, timeout: int = 1800
    ) -> subprocess.CompletedProcess:
        """Run Snakemake, and wait for it."""
        command = self.command("--nolock", *arguments, config=config)
        pipes = {"text": True, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        with group(command, cwd=self.folder, env=self.environment, **pipes) as process:
            stdout, stderr = process.communicate(timeout=timeout)
        assert not check or process.returncode == 0, stdout[-5000:] + stderr[-5000:]
        return subprocess.CompletedProcess(command, process.returncode, stdout, stderr)

    def planned(self, *arguments: str, config: str = "tiny") -> Counter:
        """The number of jobs of each (rule, variant) in the dry run; the variant is None if a rule has none."""
        text = self.snakemake("--dry-run", "--cores", "1", *arguments, config=config).stdout
        lines = re.findall(r"^Job \d+: (?!all files of the run$)(.*)$", text, flags=re.MULTILINE)
        plan = Counter()
        for line in lines:
            line = re.sub(r"^\w+ \([\w-]+, [\w-]+\): ", "", line)
            of = re.match(r"(train|finetune|encode with|encode images with|read codes of|rank) ([\w-]+)(?:,|$)", line)
            plan[(of[1].split()[0], of[2]) if of else (line, None)] += 1
        return plan

    def jobs(self) -> list[dict]:
        """The recorder's entry of every job."""
        return [json.loads(path.read_text()) for path in self.record.iterdir()]

    def comparison(self) -> bytes:
        """The table, as CSV."""
        return (self.folder / "results" / "tiny" / "comparison.csv").read_bytes()


def rows(table: bytes, **columns: str) -> list[bytes]:
    """The head of a table in CSV, and its lines with these values, sorted."""
    head, *lines = table.splitlines()
    places = {name: head.decode().split(",").index(name) for name in columns}
    chosen = [
        line
        for line in lines
        if all(re.fullmatch(value, line.decode().split(",")[places[name]]) for name, value in columns.items())
    ]
    return [head, *sorted(chosen)]


SCRIPT = """
import json, runpy, sys
from types import SimpleNamespace as Some

class Params(dict):
    __getattr__ = dict.__getitem__

class Files(Params):
    def __iter__(self):
        return iter(self.values())

job = json.loads(sys.argv[2])
parts = {name: Files(job[name]) for name in ("input", "output")}
params = Params(job.get("params", {}), code={})
job = Some(log=["log"], config={"plugins": []}, params=params, rule=job["rule"], **parts)
runpy.run_path(sys.argv[1], {"snakemake": job})
"""


def run_script(folder: Path, rule: str, **job: dict) -> None:
    """Run a rule's script in a folder, with this input, output and params in place of Snakemake's."""
    path = ROOT / "workflow/scripts" / f"{rule}.py"
    command = [sys.executable, "-c", SCRIPT, path, json.dumps({"rule": rule, **job}, default=str)]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
