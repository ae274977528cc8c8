"""`l2h export`: export codes and labels of a run for other programs."""

from argparse import Namespace
from pathlib import Path
from typing import Any

from l2h.cli import command

DOES = """Export codes and labels of a finished run for numpy, faiss and ann-benchmarks.

Each cell (the codes of one method, length and seed) gets a folder with codes, ids and labels of queries and database as
.npy; index_binary_flat.faiss, an IndexBinaryFlat of the database; and ann-benchmarks.hdf5 with the exact neighbours by
Hamming distance. By default all cells with codes are exported; the options select some."""

FORMATS = ("npy", "faiss", "hdf5")  # those of l2h.runs.export, which takes time to import


def add_to(commands: command.Commands) -> None:
    """Add the command."""
    examples = [
        "l2h export results/quickstart",
        "l2h export results/mnist --method dsh --bits 32 --seed 0 --output dsh-codes",
        "l2h export results/mnist --format npy --format faiss --overwrite",
    ]
    failed = "the run or its codes are missing, a package is not installed, or a folder already exists"
    parser = command.add(commands, "export", run, DOES, examples, failed)
    parser.add_argument("run_folder", type=Path, metavar="RUN", help="folder of a run, results/<run>")
    parser.add_argument(
        "-o", "--output", type=Path, metavar="FOLDER", help="folder of the cells' folders (default: RUN/export)"
    )
    parser.add_argument("--method", help="only the method with this label in the run's config (default: all)")
    for name in ("dataset", "protocol", "backbone"):
        parser.add_argument(f"--{name}", help="only this one (default: all)")
    parser.add_argument("--bits", type=int, help="code length")
    parser.add_argument("--seed", type=int, help="only this seed (default: all)")
    parser.add_argument(
        "--format",
        dest="formats",
        action="append",
        choices=FORMATS,
        help="only this format; may be given several times (default: all)",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace the folders of an earlier export")


def run(arguments: Namespace) -> int:
    """Write the files, and print a line for each cell."""
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
    """Folder and content of an exported cell."""
    bits = cell["bits"]
    padded = f", padded with zeros to {bits + -bits % 8} for faiss" if with_faiss and bits % 8 else ""
    return f"{cell['folder']}: {cell['database']} database and {cell['query']} query codes, {bits} bits{padded}"
