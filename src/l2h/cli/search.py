"""`l2h search`: find the images of a run that are most similar to a query image, by their codes."""

from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from l2h import plugins
from l2h.cli import command
from l2h.errors import L2HError

if TYPE_CHECKING:
    from l2h.runs.search import SearchIndex

DOES = """Find the images of a finished run whose codes are nearest to the code of a query image.

The run's backbone computes the query's features, with weights whose sha256 is checked, and its model the code. The
database of the run's split is searched by Hamming distance; ties are broken by the smallest id."""

COLUMNS = ("rank", "distance", "id", "labels", "location")


def add_to(commands: command.Commands) -> None:
    """Add the command."""
    examples = [
        "l2h search --run results/quickstart --dataset digits --method itq --bits 64 query.png",
        "l2h search --run results/mnist --method dsh --bits 32 --seed 1 --k 20 --image neighbours.png query.png",
    ]
    failed = "the query image is damaged, the run is incomplete, or the options match several models"
    parser = command.add(commands, "search", run, DOES, examples, failed)
    command.add_plugin(parser)
    parser.add_argument("query", metavar="IMAGE", help="the query image, a file such as JPEG or PNG")
    parser.add_argument("--run", dest="folder", type=Path, required=True, help="folder of the run, results/<run>")
    parser.add_argument("--method", help="label of the method in the run's config; required if the run has several")
    parser.add_argument("--bits", type=int, help="code length; required if the run has several")
    for name in ("dataset", "protocol", "backbone"):
        parser.add_argument(f"--{name}", help="required if the run has several")
    parser.add_argument("--seed", type=int, help="seed of the training (default: the smallest)")
    parser.add_argument("--k", type=command.count, default=10, help="number of images to show (default: 10)")
    parser.add_argument("--image", "--picture", metavar="FILE", help="draw the query and the images found (.png, .jpg)")


def run(arguments: Namespace) -> int:
    """Search, print the table, and draw the images."""
    from l2h.datasets import decoding
    from l2h.runs import Run, search, sheet
    from l2h.runs.selection import OPTIONS

    if arguments.image:
        sheet.check_path(arguments.image)
    try:
        query, _ = decoding.decode(decoding.read(arguments.query))
    except decoding.ImageError as error:
        raise L2HError(f"{arguments.query}: {error}; {error.cure}") from error
    plugins.load(arguments.plugin)
    names = ("dataset", "protocol", "backbone", "bits", "seed")
    wanted = {"variant": arguments.method, **{name: getattr(arguments, name) for name in names}}
    index = search.choose(Run(arguments.folder), wanted)
    found, more = index.search(index.encode([query])[0], arguments.k)
    if arguments.image:
        import numpy as np

        images = index.read_images(np.array([entry["id"] for entry in found]))
        captions = [f"{entry['rank']}: distance {entry['distance']}" for entry in found]
        sheet.write(sheet.draw([query, *images], ["query", *captions]), arguments.image)
    if arguments.json:
        chosen = {name: getattr(index, name) for name in (*OPTIONS, "seed")}
        command.print_json({**chosen, "neighbours": found, "more_at_last_distance": more})
    else:
        command.print_lines(_text(index, found, more, arguments.image))
    return 0


def _text(index: "SearchIndex", found: list[dict], more: int, image: str | None) -> str:
    """Model, table, and number of images that the table leaves out."""
    from tabulate import tabulate

    setting = f"{index.dataset}, {index.protocol}, {index.backbone}"
    rows = [
        [entry[name] for name in COLUMNS[:3]]
        + [", ".join(entry["classes"] or map(str, entry["labels"])), entry["location"]]
        for entry in found
    ]
    table = tabulate(rows, headers=COLUMNS, disable_numparse=[3, 4])  # a class may be called 007
    lines = [f"{setting}: {index.variant}, {index.bits} bits, seed {index.seed}", table]
    if more:
        lines.append(f"{more} more images at distance {found[-1]['distance']}, with larger ids")
    if image:
        lines.append(f"image: {image}")
    return "\n".join(lines)
