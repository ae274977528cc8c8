"""`l2h compare`: several finished runs in one table and one report."""

from argparse import Namespace
from pathlib import Path
from typing import Any

from l2h.cli import command
from l2h.errors import L2HError

DOES = """Compare finished runs in one table and one report.

Only the significance tests between methods of different runs are computed, on the queries that they share. Runs are
refused if one protocol name stands for different images in them, or one metric name for different definitions.
Differences between the configs are shown."""


def add_to(commands: command.Commands) -> None:
    """Add the command."""
    examples = [
        "l2h compare results/mnist results/mnist-long -o results/both",
        "l2h compare results/quickstart ../other/results/quickstart -o both --json",
    ]
    failed = "a run is missing or not finished, or the runs cannot be compared"
    parser = command.add(commands, "compare", run, DOES, examples, failed)
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="folder of a run, results/<run>")
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        required=True,
        metavar="FOLDER",
        help="folder for comparison.csv, .parquet and .md, differences.csv, report.html and plots",
    )
    command.add_plugin(parser)


def run(arguments: Namespace) -> int:
    """Merge the runs, write the comparison, and print a summary."""
    from l2h import plugins
    from l2h.report import comparison, differences, merged, page, plots, run_info
    from l2h.report.summary import summary

    plugins.load(arguments.plugin)
    output: Path = arguments.output
    if (output / "run.json").exists():
        raise L2HError(f"{output} is the folder of a run; choose another one for the comparison")
    both = merged.merge(arguments.runs)
    text, drawings = page.render(
        both.joined, both.differences, both.audits, both.curves, both.designs, (), both.runs, both.supervised
    )
    files = {suffix: output / f"comparison.{suffix}" for suffix in ("csv", "parquet", "md")}
    comparison.write(both.comparison, files["csv"], files["parquet"], files["md"])
    differences.write(both.differences, output / "differences.csv")
    plots.write(drawings, output / "plots")
    page.write(text, output / "report.html")
    differing = run_info.differing(both.runs)
    if arguments.json:
        paths = {"table": str(files["csv"]), "report": str(output / "report.html")}
        command.print_json({"runs": list(both.runs), "rows": len(both.comparison), "differing": differing, **paths})
    else:
        lines = [f"{row['key']}: {_values(dict(zip(both.runs, row['values'], strict=True)))}" for row in differing]
        places = [f"all values: {files['csv']}", f"report:     {output / 'report.html'}"]
        command.print_lines("\n".join([summary(both.joined), "", *lines, "", *places]))
    return 0


def _values(values: dict[str, Any]) -> str:
    """Each run's value; for a whole entry, such as a method, the runs that have it."""
    there = [run for run, value in values.items() if value is not None]
    if len(there) < len(values) and any(isinstance(values[run], dict) for run in there):
        return f"only in {', '.join(there)}"
    return "; ".join(f"{run} {'not given' if value is None else value}" for run, value in values.items())
