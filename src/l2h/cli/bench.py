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

DOES = """Compare methods on your embeddings: write a config, run it, and write a table and a report.

The vectors are read from a .npy, .npz, .parquet, .h5, .hdf5 or .safetensors file. With labels, an item is relevant to a
query if they share a label; without labels, a query's nearest neighbours by exact search are relevant, and the table
reports recall@k.

The config is FOLDER/bench.yaml and the report FOLDER/results/bench/report.html. To change other settings, edit a copy
of the config and run it with `l2h run`."""
METHODS = ["lsh", "sh", "itq", "pq", "cosine"]
BITS = [32, 64, 128]
CONFIG = "bench.yaml"
WRITER = "# written by l2h bench"  # how the first line of its configs begins, in every version
HEADER = f"{WRITER}, which overwrites it each time; copy it before you change it\n"
QUERIES, TRAINED_ON = (0.1, 1000), (0.4, 100_000)  # share of the vectors, and the maximum number
FILES = ("labels", "groups", "ids", "roles", "queries", "query_labels")  # or names of arrays


def add_to(commands: command.Commands) -> None:
    """Add the command."""
    examples = [
        "l2h bench embeddings.npy --labels labels.npy --methods itq sh lsh pq --bits 32 64 128 --output mine",
        "l2h bench clip.parquet --array embedding --labels label --methods itq dsh hashnet",
        "l2h bench glove-100-angular.hdf5 --neighbours 10",
        "l2h bench embeddings.npy --dry-run",
    ]
    failed = "the vectors or labels are invalid, or the run failed"
    parser = command.add(commands, "bench", run, DOES, examples, failed, prints_json=False)
    parser.add_argument("embeddings", type=Path, metavar="FILE", help="the vectors, float (n, d)")
    array = "array or column that holds the vectors, if the file has several with two dimensions"
    parser.add_argument("--array", metavar="NAME", help=array)
    what = {
        "labels": "integers or text (n,), 0 and 1 (n, c), or lists: a file, or the name of an array in FILE",
        "groups": "instead of labels: items of a group are relevant to each other, such as two views of an object",
        "ids": "ids of the vectors",
        "roles": "a fixed split: query, train, database, or several of these, for each vector",
        "queries": "separate query vectors; all of FILE is then the database",
        "query_labels": "labels or groups of the separate query vectors",
    }
    for name, text in what.items():
        parser.add_argument(f"--{name.replace('_', '-')}", metavar="FILE", help=text)
    near = "without labels, number of nearest neighbours that are relevant to a query (default: 100)"
    parser.add_argument("--neighbours", type=command.count, metavar="K", help=near)
    parser.add_argument("--distance", choices=["cosine", "l2"], help="distance of the neighbours (default: cosine)")
    methods = f"methods to compare; `l2h methods` lists them (default: {' '.join(METHODS)})"
    parser.add_argument("--methods", nargs="+", default=METHODS, metavar="METHOD", help=methods)
    parser.add_argument("--bits", nargs="+", type=command.count, default=BITS, metavar="N", help="code lengths")
    seeds = "trainings of each method; with three or more, differences are tested (default: 1)"
    parser.add_argument("--trainings", type=command.count, default=1, metavar="N", help=seeds)
    parser.add_argument("--output", type=Path, default=Path("bench"), metavar="FOLDER", help="(default: bench)")
    parser.add_argument("--cores", type=command.count, metavar="N", help="number of CPU cores to use (default: all)")
    parser.add_argument("--dry-run", action="store_true", help="print the config, but write and run nothing")
    command.add_plugin(parser)


def run(arguments: Namespace) -> int:
    """Write the config and run it; return the exit code."""
    extras.require("snakemake")
    import yaml

    from l2h.config import complete, resolved

    resolved(complete(config_of(arguments, Path())))  # report errors before anything is written
    folder: Path = arguments.output
    text = HEADER + yaml.safe_dump(config_of(arguments, folder), sort_keys=False, default_flow_style=None, width=110)
    if arguments.dry_run:
        command.print_lines(text.rstrip())
        return 0
    path = folder / CONFIG
    if path.exists() and not path.read_text(encoding="utf-8").startswith(WRITER):
        raise L2HError(f"{path} was not written by l2h bench; run it with l2h run, or set another folder with --output")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise L2HError(f"{path} cannot be written ({error.strerror}); choose another folder with --output") from error
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
        the vectors are invalid
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
    dataset.require_alike()
    entry: dict[str, Any] = {"name": _name(arguments.embeddings), "reader": "embeddings", "params": params}
    if dataset.any_protocol:
        query, train = (max(1, min(int(share * dataset.size), most)) for share, most in (QUERIES, TRAINED_ON))
        entry["protocol"] = {"name": "bench", "query": query, "train": train}
        near = dataset.neighbours["k"] if dataset.neighbours else 0
        if near >= dataset.size - query:
            raise L2HError(
                f"--neighbours {near}: the database has only {dataset.size - query} items, so all would be relevant; "
                "give fewer"
            )
    config: dict[str, Any] = {"datasets": [entry], "methods": arguments.methods, "bits": arguments.bits}
    config["seeds"] = list(range(arguments.trainings))
    if arguments.plugin:
        config["plugins"] = [there(path) for path in arguments.plugin]
    return config


def _name(path: Path) -> str:
    """The dataset's name: the file's name, without characters that paths may not hold."""
    from l2h import datasets

    name = re.sub(r"[^A-Za-z0-9_.-]", "_", path.stem).lstrip("_.-") or "vectors"
    return "vectors" if name in datasets.available() else name
