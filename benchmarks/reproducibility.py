"""How much the table changes if the same config runs on more cores, in another order, with other threads or precision.

The data are scikit-learn's handwritten digits. Cores, the order of jobs and shards must not change the table: if they
do, the script fails. Numeric threads and bfloat16 may; the script prints the change, and that from another seed.
"""

import argparse
import copy
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

ROOT = Path(__file__).parents[1]
CONFIG: dict[str, Any] = {
    "datasets": ["digits"],
    "backbones": [{"name": "alexnet", "weights": "untrained"}],
    "methods": ["lsh", "itq", "sh", "dsh", "hashnet", "bihalf"],
    "bits": [16, 64],
    "device": "cpu",
    "threads": {"features": 1, "fit": 1},
}
KEYS = ["method", "bits"]
# Variants: keys of the config, or of its backbone; the cores; and whether the table must stay the same.
VARIANTS: dict[str, tuple[dict, dict, list[str], bool]] = {
    "2 cores": ({}, {}, ["--cores", "2"], True),
    "2 cores, greedy scheduler": ({}, {}, ["--cores", "2", "--scheduler", "greedy"], True),
    "3 shards, ranked by 2 threads": (
        {"ranking": {"shards": 3}, "threads": {"features": 1, "fit": 1, "rank": 2}},
        {},
        ["--cores", "2"],
        True,
    ),
    "training by 2 threads": ({"threads": {"features": 1, "fit": 2}}, {}, ["--cores", "2"], False),
    "extraction by 2 threads": ({"threads": {"features": 2, "fit": 1}}, {}, ["--cores", "2"], False),
    "features stored as float16": ({}, {"dtype": "float16"}, ["--cores", "2"], False),
    "extraction in bf16": ({}, {"precision": "bf16"}, ["--cores", "2"], False),
    "another seed": ({"seeds": [1]}, {}, ["--cores", "2"], False),
}


def run(folder: Path, changes: dict, backbone: dict, arguments: list[str]) -> bytes:
    """The table, comparison.csv, of the config with these changes."""
    config = copy.deepcopy(CONFIG) | changes
    config["backbones"][0] |= backbone
    folder.mkdir(parents=True)
    (folder / "run.yaml").write_text(yaml.safe_dump(config))
    command = [sys.executable, "-m", "snakemake", "--snakefile", ROOT / "Snakefile", "--directory", folder]
    command += ["--configfile", folder / "run.yaml", *arguments, "results/run/comparison.csv"]
    done = subprocess.run(command, text=True, capture_output=True)  # noqa: S603 (our own arguments)
    if done.returncode:
        sys.exit(f"{folder}:\n{done.stderr[-3000:]}")
    return (folder / "results/run/comparison.csv").read_bytes()


def scores(folder: Path) -> pd.Series:
    """Each cell's mAP."""
    return pd.read_csv(folder / "results/run/comparison.csv").set_index(KEYS)["map"]


def main() -> None:
    """Run, compare and print Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="two shallow methods at 8 bits, small images")
    parser.add_argument("--only", nargs="+", choices=VARIANTS, default=list(VARIANTS), help="variants to run")
    arguments = parser.parse_args()
    if arguments.quick:
        CONFIG.update(methods=["lsh", "itq"], bits=[8])
        CONFIG["backbones"][0] |= {"layer": "pool5", "input_size": 64}
    moved = []
    with tempfile.TemporaryDirectory(prefix="l2h-") as place:
        plain = Path(place) / "plain"
        table = run(plain, {}, {}, ["--cores", "1"])
        print(
            "| beside 1 core, 1 thread, float32 | same comparison.csv | largest move of mAP | in |\n|:--|:--|--:|:--|"
        )
        for number, name in enumerate(arguments.only):
            changes, backbone, how, must_stay = VARIANTS[name]
            folder = Path(place) / str(number)
            same = run(folder, changes, backbone, how) == table
            moves = (scores(folder) - scores(plain)).abs()
            most = moves.max()
            where = "{} at {} bits".format(*moves.idxmax()) if most else ""
            print(f"| {name} | {'yes' if same else 'no'} | {most:.6f} | {where} |", flush=True)
            if must_stay and not same:
                moved.append(name)
    if moved:
        sys.exit(f"the table must not follow {', '.join(moved)}")


if __name__ == "__main__":
    main()
