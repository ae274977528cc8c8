"""`l2h power`: which differences between methods a run can detect."""

from argparse import Namespace
from pathlib import Path
from typing import Any

from l2h import paths
from l2h.cli import command
from l2h.errors import L2HError

DOES = """Show which differences in mAP a finished run can detect, and how many trainings or queries smaller ones need.

A difference is detected if it has p < 0.05 with a probability of 80 %, after correction for the pairs of methods at one
code length. The variances over queries and over trainings are those of the run's own methods, for a typical pair."""


def add_to(commands: command.Commands) -> None:
    """Add the command."""
    examples = ["l2h power results/mnist", "l2h power results/mnist --json"]
    parser = command.add(commands, "power", run, DOES, examples, "the run is not finished, or has only one training")
    parser.add_argument("run_folder", type=Path, metavar="RUN", help="folder of a run, results/<run>")


def run(arguments: Namespace) -> int:
    """Print a table for each dataset, protocol and backbone."""
    from l2h.report import differences, power
    from l2h.runs import Run
    from l2h.store.results import iter_queries

    finished = Run(arguments.run_folder)
    facts = finished.facts
    queries = (cell for setting in finished.settings for cell in iter_queries(finished.file(paths.QUERIES, setting)))
    methods = differences.methods(queries, facts["deterministic"])
    designs = power.of_settings(methods)
    if not designs:
        raise L2HError(
            f"{arguments.run_folder} has one training of each method, so the variance over trainings is unknown; "
            "run it with several seeds, such as seeds: [0, 1, 2]"
        )
    if arguments.json:
        command.print_json([_described(design) for design in designs])
    else:
        for setting in dict.fromkeys(design.setting for design in designs):
            own = [design for design in designs if design.setting == setting]
            command.print_lines("\n".join([", ".join(setting[:3]), power.sentence(own), "", *_table(own), ""]))
    return 0


def _described(design: Any) -> dict[str, Any]:
    from l2h.report.differences import SETTING
    from l2h.report.power import TARGETS

    return {
        **dict(zip(SETTING, design.setting, strict=True)),
        "bits": design.bits,
        "trainings": design.trainings,
        "queries": design.queries,
        "pairs": design.pairs,
        "detectable": design.detectable(),
        "shares": design.shares(),
        "trainings_for": {str(target): design.trainings_for(target) for target in TARGETS},
        "queries_for": {str(target): design.queries_for(target) for target in TARGETS},
    }


def _table(designs: list[Any]) -> list[str]:
    """Lines of a table, a row for each code length."""
    from l2h.report.power import TARGETS

    heads = ["bits", "detectable", *(f"to find {target}" for target in TARGETS)]
    rows = [heads]
    for design in designs:
        needed = [_needed(design.trainings_for(target), design.queries_for(target)) for target in TARGETS]
        rows.append([str(design.bits), f"{design.detectable():.4f}", *needed])
    widths = [max(len(row[column]) for row in rows) for column in range(len(heads))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _needed(trainings: int | None, queries: int | None) -> str:
    ways = [f"{trainings} trainings"] if trainings else []
    ways += [f"{queries:,} queries"] if queries else []
    return " or ".join(ways) or "more of both"
