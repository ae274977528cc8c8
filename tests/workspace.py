"""A working directory in which tests run the workflow, and the configs that they share."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
METHODS = ["dsh", "hashnet", "bihalf", "lsh", "itq", "sh", "toy"]
CONFIG = {
    "datasets": ["digits", "digit_pairs"],
    "backbones": [{"name": "alexnet", "layer": "fc6", "weights": "untrained", "input_size": 64}],
    "methods": [
        {"method": "dsh", "params": {"epochs": 2}},
        {"method": "hashnet", "scope": "auto", "params": {"epochs": 2, "hidden": 32}},
        {"method": "bihalf", "scope": "mlp", "params": {"epochs": 2, "lr": 1.0e-3, "validation": 0}},
        *({"method": name} for name in METHODS if name not in ("dsh", "hashnet", "bihalf")),
    ],
    "bits": [8],
    "device": "cpu",
    "threads": {"features": 2, "fit": 1},
    "plugins": ["toy_method.py"],
}
FINETUNED = {
    **CONFIG,
    "datasets": ["digits"],
    "backbones": [{"name": "alexnet", "layer": "pool5", "weights": "untrained", "input_size": 63}],
    "methods": [
        {"method": "dsh", "scope": "mlp", "params": {"epochs": 2, "lr": 1.0e-3, "validation": 0}},
        {"method": "dsh", "scope": "full", "label": "dsh-full", "params": {"epochs": 2, "batch_size": 32}},
    ],
    "plugins": [],
}


class Workspace:
    """A working directory with its own copy of the package and the config."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.record = folder / "record"
        self.record.mkdir(parents=True)
        shutil.copytree(ROOT / "src", folder / "src", ignore=shutil.ignore_patterns("*.egg-info", "__pycache__"))
        shutil.copy(ROOT / "tests" / "toy_method.py", folder)
        self.configure(CONFIG)

    def configure(self, config: dict, name: str = "tiny") -> None:
        (self.folder / f"{name}.yaml").write_text(yaml.safe_dump(config))

    def snakemake(
        self, *arguments: str, config: str = "tiny", check: bool = True, timeout: int = 1800
    ) -> subprocess.CompletedProcess:
        command = [sys.executable, "-m", "snakemake", "--snakefile", ROOT / "Snakefile", "--directory", self.folder]
        command += ["--configfile", self.folder / f"{config}.yaml", "--nolock", *arguments]
        paths = os.pathsep.join(map(str, (self.folder / "src", ROOT / "tests" / "recorder")))
        environment = {**os.environ, "PYTHONPATH": paths, "L2H_RECORD": str(self.record)}
        done = subprocess.run(
            list(map(str, command)), cwd=self.folder, env=environment, text=True, capture_output=True, timeout=timeout
        )
        assert not check or done.returncode == 0, done.stdout[-5000:] + done.stderr[-5000:]
        return done

    def planned(self, *arguments: str, config: str = "tiny") -> Counter:
        """How often each (rule, variant) stands in the dry run; the variant is None where a rule has none."""
        text = self.snakemake("--dry-run", "--cores", "1", *arguments, config=config).stdout
        lines = re.findall(r"^Job \d+: (.*)$", text, flags=re.MULTILINE)
        plan = Counter()
        for line in lines:
            line = re.sub(r"^\w+ \([\w-]+, [\w-]+\): ", "", line)
            cell = re.match(r"(fit|finetune|encode by|encode images by|read codes of|rank by|measure) ([\w-]+),", line)
            plan[(cell[1].split()[0], cell[2]) if cell else (line, None)] += 1
        return plan

    def jobs(self) -> list[dict]:
        """What the recorder wrote of every job."""
        return [json.loads(path.read_text()) for path in self.record.iterdir()]

    def comparison(self) -> bytes:
        return (self.folder / "results" / "tiny" / "comparison.csv").read_bytes()
