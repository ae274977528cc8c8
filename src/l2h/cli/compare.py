"""`l2h compare`: several finished runs in one table and on one page."""

from argparse import Namespace
from pathlib import Path
from typing import Any

from l2h.cli import command
from l2h.errors import L2HError

DOES = """Put finished runs side by side, in one table and on one page.

Nothing is computed anew but the tests between the runs' methods, which saw the same queries. Runs that mean different
images by one protocol, or different things by one metric, are refused. What differs between their configs is shown."""


def add_to(commands: command.Commands) -> None:
    """Add the command."""
    examples = [
        "l2h compare results/mnist results/mnist-long -o results/both",
        "l2h compare results/quickstart ../other/results/quickstart -o both --json",
    ]
    failed = "a run is not there or not finished, or the runs cannot stand in one table"
    parser = command.add(commands, "compare", run, DOES, examples, failed)
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="a run's folder, results/<run>")
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        required=True,
        metavar="FOLDER",
        help="gets comparison.csv, .parquet and .md, differences.csv, report.html and plots",
    )
    command.add_plugin(parser)


def run(arguments: Namespace) -> int:
    """Merge, write, and say what came of it."""
    from l2h import plugins
    from l2h.report import comparison, differences, merged, page, plots, run_info
    from l2h.report.summary import summary

    plugins.load(arguments.plugin)
    output: Path = arguments.output
    if (output / "run.json").exists():
        raise L2HError(f"{output} is a run's own folder; choose another one for the comparison")
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
    """What each run has, by its name; a whole entry, as of a method, is there or not."""
    there = [run for run, value in values.items() if value is not None]
    if len(there) < len(values) and any(isinstance(values[run], dict) for run in there):
        return f"in {', '.join(there)} alone"
    return "; ".join(f"{run} {'not given' if value is None else value}" for run, value in values.items())
