"""`l2h export`: codes and labels of a run as files for other programs."""

from argparse import Namespace
from pathlib import Path
from typing import Any

from l2h.cli import command

DOES = """Write codes and labels of a finished run as files for numpy, faiss and ann-benchmarks.

Each cell (the codes of one method, length and seed) gets a folder: codes, ids and labels of queries and database as
.npy; index_binary_flat.faiss, an IndexBinaryFlat of the database; and ann-benchmarks.hdf5 with the exact neighbours by
Hamming distance. All cells with codes are written unless options choose some."""

FORMATS = ("npy", "faiss", "hdf5")  # those of l2h.runs.export, which takes time to import


def add_to(commands: command.Commands) -> None:
    """Add the command."""
    examples = [
        "l2h export results/quickstart",
        "l2h export results/mnist --method dsh --bits 32 --seed 0 --output dsh-codes",
        "l2h export results/mnist --format npy --format faiss --overwrite",
    ]
    failed = "the run or its codes are not there, a package is missing, or a folder exists already"
    parser = command.add(commands, "export", run, DOES, examples, failed)
    parser.add_argument("run_folder", type=Path, metavar="RUN", help="a run's folder, as results/<run>")
    parser.add_argument(
        "-o", "--output", type=Path, metavar="FOLDER", help="gets a folder for each cell; RUN/export if left out"
    )
    parser.add_argument("--method", help="its label in the run's config; all if left out, and so below")
    for name in ("dataset", "protocol", "backbone"):
        parser.add_argument(f"--{name}", help="the cells of this one")
    parser.add_argument("--bits", type=int, help="code length")
    parser.add_argument("--seed", type=int, help="of the training")
    parser.add_argument(
        "--format",
        dest="formats",
        action="append",
        choices=FORMATS,
        help="write this one; may be given several times; all if left out",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace the folders of an earlier export")


def run(arguments: Namespace) -> int:
    """Write, and print a line for each cell."""
    from l2h.runs import Run, export
    from l2h.runs.selection import matching

    names = ("dataset", "protocol", "backbone", "bits", "seed")
    wanted = {"variant": arguments.method, **{name: getattr(arguments, name) for name in names}}
    finished = Run(arguments.run_folder)
    cells = matching(finished, wanted)
    formats = arguments.formats or export.FORMATS
    written = export.export(finished, cells, arguments.output, formats, arguments.overwrite)
    if arguments.json:
        command.print_json(list(written))
        return 0
    for cell in written:
        command.print_lines(_line(cell, "faiss" in formats))
    return 0


def _line(cell: dict[str, Any], with_faiss: bool) -> str:
    """Where a cell was written, and what it holds."""
    bits = cell["bits"]
    padded = f", padded with zeros to {bits + -bits % 8} for faiss" if with_faiss and bits % 8 else ""
    return f"{cell['folder']}: {cell['database']} database and {cell['query']} query codes, {bits} bits{padded}"
