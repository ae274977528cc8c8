"""`l2h search`: the images of a run that look most like a picture, by their codes."""

from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from l2h import plugins
from l2h.cli import command
from l2h.errors import L2HError

if TYPE_CHECKING:
    from l2h.runs.search import SearchIndex

DOES = """Show the images of a finished run whose codes lie nearest to that of a picture.

The picture becomes features by the run's backbone and weights, whose sha256 is checked, and a code by its model. The
database of the run's split is searched, by Hamming distance; images at one distance stand in the order of their ids."""

COLUMNS = ("rank", "distance", "id", "labels", "location")


def add_to(commands: command.Commands) -> None:
    """Add the command."""
    examples = [
        "l2h search --run results/quickstart --dataset digits --method itq --bits 64 picture.png",
        "l2h search --run results/mnist --method dsh --bits 32 --seed 1 --k 20 --picture neighbours.png picture.png",
    ]
    failed = "the picture is broken, the run lacks something, or the options leave several models to choose from"
    parser = command.add(commands, "search", run, DOES, examples, failed)
    command.add_plugin(parser)
    parser.add_argument("query", metavar="PICTURE", help="a picture file, as JPEG or PNG")
    parser.add_argument("--run", dest="folder", type=Path, required=True, help="the run's folder, results/<run>")
    parser.add_argument("--method", help="its label in the run's config; needed where the run has several")
    parser.add_argument("--bits", type=int, help="code length; needed where the run has several")
    for name in ("dataset", "protocol", "backbone"):
        parser.add_argument(f"--{name}", help="needed where the run has several")
    parser.add_argument("--seed", type=int, help="of the training; the smallest that there is, if left out")
    parser.add_argument("--k", type=command.count, default=10, help="how many images to show (10)")
    parser.add_argument("--picture", metavar="FILE", help="draw the query and what was found, as .png or .jpg")


def run(arguments: Namespace) -> int:
    """Search, print, and draw."""
    from l2h.datasets import decoding
    from l2h.runs import Run, search, sheet
    from l2h.runs.selection import OPTIONS

    if arguments.picture:
        sheet.check_path(arguments.picture)
    try:
        query, _ = decoding.decode(decoding.read(arguments.query))
    except decoding.ImageError as error:
        raise L2HError(f"{arguments.query}: {error}; {error.cure}") from error
    plugins.load(arguments.plugin)
    names = ("dataset", "protocol", "backbone", "bits", "seed")
    wanted = {"variant": arguments.method, **{name: getattr(arguments, name) for name in names}}
    index = search.choose(Run(arguments.folder), wanted)
    found, more = index.search(index.encode([query])[0], arguments.k)
    if arguments.picture:
        import numpy as np

        images = index.read_images(np.array([entry["id"] for entry in found]))
        captions = [f"{entry['rank']}: distance {entry['distance']}" for entry in found]
        sheet.write(sheet.draw([query, *images], ["query", *captions]), arguments.picture)
    if arguments.json:
        chosen = {name: getattr(index, name) for name in (*OPTIONS, "seed")}
        command.print_json({**chosen, "neighbours": found, "more_at_last_distance": more})
    else:
        command.print_lines(_text(index, found, more, arguments.picture))
    return 0


def _text(index: "SearchIndex", found: list[dict], more: int, picture: str | None) -> str:
    """What was searched by, the table, and what the table leaves out."""
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
        lines.append(f"{more} more at distance {found[-1]['distance']}, with larger ids")
    if picture:
        lines.append(f"picture: {picture}")
    return "\n".join(lines)
