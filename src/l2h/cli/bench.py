"""`l2h bench`: compare methods on a file of embeddings, in one command."""

import os
import re
import sys
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from l2h import extras
from l2h.cli import command
from l2h.cli import run as run_command
from l2h.errors import L2HError

if TYPE_CHECKING:
    from l2h.datasets.embeddings import Embeddings

DOES = """Compare methods on your embeddings: write a config, run it, and end in a table and a report.

The vectors may lie in a .npy, .npz, .parquet, .h5, .hdf5 or .safetensors file. With labels, items that share a label
with a query are relevant to it; without, its nearest neighbours by exact search are, and the table has recall@k.

The config is FOLDER/bench.yaml, the report FOLDER/results/bench/report.html. For all that a config can say, copy it,
change the copy, and run that by `l2h run`."""
METHODS = ["lsh", "sh", "itq", "pq", "cosine"]
BITS = [32, 64, 128]
CONFIG = "bench.yaml"
HEADER = "# written by l2h bench, which writes it anew each time; copy it before you change it\n"
QUERIES, TRAINED_ON = (0.1, 1000), (0.4, 100_000)  # shares of the vectors, and at most so many
FILES = ("labels", "groups", "ids", "roles", "queries", "query_labels")  # or the names of arrays


def add_to(commands: command.Commands) -> None:
    """Add the command."""
    examples = [
        "l2h bench embeddings.npy --labels labels.npy --methods itq sh lsh pq --bits 32 64 128 --output mine",
        "l2h bench clip.parquet --array embedding --labels label --methods itq dsh hashnet",
        "l2h bench glove-100-angular.hdf5 --neighbours 10",
        "l2h bench embeddings.npy --dry-run",
    ]
    failed = "the vectors or labels cannot be used, or the run failed"
    parser = command.add(commands, "bench", run, DOES, examples, failed, prints_json=False)
    parser.add_argument("embeddings", type=Path, metavar="FILE", help="the vectors, float (n, d)")
    array = "array or column that holds the vectors, where the file has several of two dimensions"
    parser.add_argument("--array", metavar="NAME", help=array)
    what = {
        "labels": "whole numbers or text (n,), 0 and 1 (n, c), or lists: a file, or the name of an array in FILE",
        "groups": "in place of labels: what is of one group is relevant to each other, as two views of one object",
        "ids": "what the vectors are called",
        "roles": "a given split: query, train, database, or several, for each vector",
        "queries": "further vectors, which are the queries; all of FILE is the database then",
        "query_labels": "labels or groups of the further vectors",
    }
    for name, text in what.items():
        parser.add_argument(f"--{name.replace('_', '-')}", metavar="FILE", help=text)
    near = "without labels, how many nearest neighbours are relevant to a query (default: 100)"
    parser.add_argument("--neighbours", type=command.count, metavar="K", help=near)
    parser.add_argument("--distance", choices=["cosine", "l2"], help="by which they are near (default: cosine)")
    methods = f"methods to compare; `l2h methods` lists them (default: {' '.join(METHODS)})"
    parser.add_argument("--methods", nargs="+", default=METHODS, metavar="METHOD", help=methods)
    parser.add_argument("--bits", nargs="+", type=command.count, default=BITS, metavar="N", help="code lengths")
    seeds = "trainings of each method; from three on, methods are tested against each other (default: 1)"
    parser.add_argument("--trainings", type=command.count, default=1, metavar="N", help=seeds)
    parser.add_argument("--output", type=Path, default=Path("bench"), metavar="FOLDER", help="(default: bench)")
    parser.add_argument("--cores", type=command.count, metavar="N", help="CPU cores to use at a time (default: all)")
    parser.add_argument("--dry-run", action="store_true", help="print the config, and write and run nothing")
    command.add_plugin(parser)


def run(arguments: Namespace) -> int:
    """Write the config and run it; return the exit code."""
    extras.require("snakemake")
    import yaml

    from l2h.config import complete, resolved

    resolved(complete(config_of(arguments, Path())))  # what is wrong is said before anything is written
    folder: Path = arguments.output
    text = HEADER + yaml.safe_dump(config_of(arguments, folder), sort_keys=False, default_flow_style=None, width=110)
    if arguments.dry_run:
        command.print_lines(text.rstrip())
        return 0
    path = folder / CONFIG
    if path.exists() and not path.read_text(encoding="utf-8").startswith(HEADER):
        raise L2HError(f"{path} was not written by l2h bench; run it by l2h run, or choose another folder by --output")
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    print(f"config: {path}", file=sys.stderr)
    code = run_command.run(Namespace(config=path, targets=[], directory=folder, cores=arguments.cores, dry_run=False))
    if code == 0 and folder != Path():
        print(f"in {folder}: results/bench/report.html and the tables beside it")
    return code


def config_of(arguments: Namespace, folder: Path) -> dict[str, Any]:
    """The config, with paths relative to a folder.

    Raises
    ------
    L2HError
        the vectors cannot be used
    """
    from l2h import datasets
    from l2h.datasets.downloads import Sources

    def there(path: str | Path) -> str:
        return os.path.relpath(path, folder)

    params: dict[str, Any] = {"embeddings": there(arguments.embeddings)}
    for name in ("array", "neighbours", "distance"):
        if (value := getattr(arguments, name)) is not None:
            params[name] = value
    for name in FILES:
        if (value := getattr(arguments, name)) is not None:
            params[name] = there(value) if Path(value).is_file() else value
    here = {**params, "embeddings": str(arguments.embeddings)}
    here |= {name: getattr(arguments, name) for name in FILES if name in params}
    dataset: Embeddings = datasets.make("embeddings", Sources("", None), **here)  # type: ignore[assignment]
    if missing := dataset.missing():
        raise L2HError(missing)
    entry: dict[str, Any] = {"name": _name(arguments.embeddings), "reader": "embeddings", "params": params}
    if dataset.any_protocol:
        query, train = (max(1, min(int(share * dataset.size), most)) for share, most in (QUERIES, TRAINED_ON))
        entry["protocol"] = {"name": "bench", "query": query, "train": train}
    config: dict[str, Any] = {"datasets": [entry], "methods": arguments.methods, "bits": arguments.bits}
    config["seeds"] = list(range(arguments.trainings))
    if arguments.plugin:
        config["plugins"] = [there(path) for path in arguments.plugin]
    return config


def _name(path: Path) -> str:
    """What the dataset is called: the file's name, as far as it can stand in paths."""
    from l2h import datasets

    name = re.sub(r"[^A-Za-z0-9_.-]", "_", path.stem).lstrip("_.-") or "vectors"
    return "vectors" if name in datasets.available() else name
