"""`l2h provenance`: trace a result to its sources."""

from argparse import Namespace
from dataclasses import asdict

from l2h.cli import command

DOES = """Trace a file to the config, code, data and weights that produced it.

FILE is any file below results/<run>/ or resources/, or the folder of a model. Each source is identified by its sha256,
as recorded in the files and in the run's run.json; the command fails if these records contradict each other."""


def add_to(commands: command.Commands) -> None:
    """Add the command."""
    examples = [
        "l2h provenance results/quickstart/comparison.csv",
        "l2h provenance --json resources/digits/splits/digits-300.parquet",
    ]
    failed = "the file is missing or damaged, belongs to no run, or contradicts the record of its sources"
    parser = command.add(commands, "provenance", run, DOES, examples, failed)
    parser.add_argument("path", metavar="FILE", help="a result file, or a model's folder")


def run(arguments: Namespace) -> int:
    """Trace a file, and print its sources."""
    from l2h.runs.provenance import trace

    found = trace(arguments.path)
    if arguments.json:
        more = {"code_sha256": found.code_sha256, "changed_code": found.changed_code}
        command.print_json({**asdict(found), **more})
    else:
        lines = [str(found.path) + (f", by the rule {found.rule}" if found.rule else "")]
        lines += [f"config   {sha256}  {name}" for name, sha256 in found.configs.items()] or [
            "config   no finished run"
        ]
        changed = f"; other sources here: {', '.join(found.changed_code)}" if found.changed_code else ""
        lines.append(
            f"code     {found.code_sha256}  {len(found.code)} modules{changed}" if found.code else "code     not said"
        )
        lines += [f"data     {sha256}  {name}" for name, sha256 in found.data.items()]
        lines += [f"weights  {sha256}  {name}" for name, sha256 in found.weights.items()] or ["weights  none"]
        lines += [f"problem: {problem}" for problem in found.problems]
        command.print_lines("\n".join(lines))
    return 1 if found.problems else 0
