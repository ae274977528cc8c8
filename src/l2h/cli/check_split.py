"""`l2h check-split`: check split files for leaks."""

from argparse import Namespace
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from l2h import paths
from l2h.cli import command
from l2h.errors import L2HError

if TYPE_CHECKING:
    import pyarrow as pa

    from l2h.store.thumbnails import Thumbnails

DOES = """Check split files for leaks: queries in the training set or the database, by id or by bytes.

With --data, near copies of queries are listed too: the same image with other bytes. They do not fail the check. On
1,000 images each of MNIST, Fashion-MNIST and CIFAR-10 (28 to 32 pixels), it finds all copies that were mirrored,
converted to greyscale, doubled in size or saved as JPEG of quality 90; at least 99 % at quality 50; 60 to 100 % of
brightened copies; 0 to 100 % of copies at half the size; and none that were shifted, cropped or rotated. Its false
positive rate per pair is 5e-7 (MNIST), 1e-6 (Fashion-MNIST) and 0 in 2e7 pairs (CIFAR-10).

Images with identical bytes, and those of them with contradicting labels, are counted, with examples; with --data, so
are images that the dataset left out or converted."""

# these may be the user's own files, so no message advises deleting them
CURE = "give a split that a run wrote, resources/<dataset>/splits/<protocol>.parquet"
DATA_CURE = "give a dataset's folder that a run wrote, resources/<dataset>"


def add_to(commands: command.Commands) -> None:
    """Add the command."""
    examples = [
        "l2h check-split resources/digits/splits/digits-300.parquet",
        "l2h check-split resources/*/splits/*.parquet --json",
        "l2h check-split resources/digits/splits/*.parquet --data resources/digits",
    ]
    parser = command.add(commands, "check-split", run, DOES, examples, "a split leaks, or a file cannot be read")
    parser.add_argument("files", nargs="+", metavar="FILE", help="a split file, as in resources/<dataset>/splits")
    data = "folder of the dataset that was split, with manifest.parquet and images, such as resources/<dataset>"
    parser.add_argument("--data", type=Path, metavar="FOLDER", help=data)
    allow = "accept queries that share no label with anything in the database, like allow_lone_queries in a config"
    parser.add_argument("--allow-lone-queries", action="store_true", help=allow)


def run(arguments: Namespace) -> int:
    """Check every file, and print a line about each."""
    data = _Dataset(arguments.data) if arguments.data else None
    findings = [
        _check(path, data, arguments.allow_lone_queries)
        for path in arguments.files
        if not path.endswith(".near_copies.parquet")
    ]
    if arguments.json:
        command.print_json([{**one, "notes": [asdict(note) for note in one["notes"]]} for one in findings])
    else:
        for finding in findings:
            line = finding["problem"] or _counts(finding)
            head = line if line.startswith(finding["file"]) else f"{finding['file']}: {line}"
            details = [*finding["notes"], *map(_pair, finding["near_copies"] or [])]
            command.print_lines("\n".join([head, *(f"  {detail}" for detail in details)]))
    return int(any(finding["problem"] for finding in findings))


class _Dataset:
    """The dataset that was split, read on first use, once for all files."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.manifest_path = folder / "manifest.parquet"

    @cached_property
    def manifest(self) -> "pa.Table":
        from l2h.store.manifests import read_manifest

        return read_manifest(self.manifest_path, DATA_CURE)

    @property
    def has_images(self) -> bool:
        """True if the dataset has images, not only vectors."""
        return not (self.folder / paths.FEATURES.format(features=paths.EMBEDDINGS)).exists()

    @cached_property
    def thumbnails(self) -> "Thumbnails":
        """Thumbnails that the run wrote; computed from all images if an older version wrote none."""
        from l2h.datasets import grey_thumbnails
        from l2h.store.thumbnails import read_thumbnails

        path = self.folder / "thumbnails.parquet"
        if path.exists():
            return read_thumbnails(path, self.manifest, DATA_CURE)
        return grey_thumbnails.of_store(self.folder / "images", self.manifest)


def _check(path: str, data: _Dataset | None, allow_lone_queries: bool) -> dict[str, Any]:
    """Findings in one file; near_copies is None if they were not searched for."""
    from l2h.datasets import leaks
    from l2h.splits import ROLES, check, lone_queries, notes
    from l2h.store.manifests import read_notes
    from l2h.store.splits import read_split

    finding: dict[str, Any] = {"file": path, "problem": None, "protocol": None, "roles": {}, "near_copies": None}
    finding |= {"lone_queries": None, "lone_queries_unseen": None, "notes": []}
    try:
        if _is_other(path):
            raise L2HError(f"{path} is not a parquet file; {CURE}")
        split = read_split(path, CURE)
        finding |= {"protocol": split.protocol, "roles": {role: len(split.ids(role)) for role in ROLES}}
        finding |= {
            "lone_queries": len(lone_queries(split)),
            "lone_queries_unseen": len(lone_queries(split, unseen=True)),
        }
        finding["notes"] = notes(split)
        if data is None:
            check(split, allow_lone_queries=allow_lone_queries)
        else:
            leaks.require_none(split, data.manifest, allow_lone_queries=allow_lone_queries)
            if data.has_images:
                finding["near_copies"] = leaks.warn_of_near_copies(split, data.manifest, data.thumbnails)
            finding["notes"] = read_notes(data.manifest_path) + notes(split, data.manifest)
    except L2HError as error:
        finding["problem"] = str(error)
    return finding


def _is_other(path: str) -> bool:
    """Whether a path is not a regular file, or lacks parquet's first bytes."""
    try:
        if not Path(path).is_file():  # reading a pipe would block
            return Path(path).exists()
        with open(path, "rb") as file:
            return file.read(4) != b"PAR1"
    except OSError:  # the reader says why
        return False


def _counts(finding: dict[str, Any]) -> str:
    counts = ", ".join(f"{count} {role}" for role, count in finding["roles"].items())
    copies = finding["near_copies"]
    said = f"no leak in {finding['protocol']} ({counts})"
    if finding["lone_queries"] or finding["lone_queries_unseen"]:
        said += (
            f"; queries without a relevant item: {finding['lone_queries']} in the database, "
            f"{finding['lone_queries_unseen']} without its training images"
        )
    return said + ("" if copies is None else f"; near copies: {len(copies) or 'none'}")


def _pair(row: dict[str, Any]) -> str:
    flipped = ", mirrored" if row["flipped"] else ""
    return (
        f"query {row['query_id']} ({row['query_location']}) and {row['id']} ({row['location']}): "
        f"similarity {row['similarity']:.4f}{flipped}"
    )
