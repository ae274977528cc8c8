"""`l2h metrics`, `l2h charts`: list and define what a report shows."""

from argparse import Namespace
from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Any, NamedTuple

from l2h.cli import command


class Kind(NamedTuple):
    """How to describe the entries of one registry: a line each, and details by name."""

    does: str
    example: str
    line: Callable[[Any], str]
    facts: Callable[[Any], dict[str, Any]]


KINDS = {
    "metrics": Kind(
        "List the metrics of the comparison, or show the definition and the columns of one.",
        "map",
        lambda metric: f"{metric.axis}: {metric.formula}",
        lambda metric: {
            "axis": metric.axis,
            "better": metric.better,
            "formula": metric.formula,
            "source": metric.source,
            "computed on": metric.basis,
            "columns": list(metric.reported()),
        },
    ),
    "charts": Kind(
        "List the charts of the report, or show how to read one.",
        "radius",
        lambda chart: str(chart.shows),
        lambda chart: {"shows": chart.shows, "note": chart.note},
    ),
}


def add_to(commands: command.Commands) -> None:
    """Add the two commands."""
    for name, kind in KINDS.items():
        examples = [f"l2h {name}", f"l2h {name} {kind.example}", f"l2h {name} --plugin my.py --json"]
        parser = command.add(commands, name, partial(run, name), kind.does, examples, "the name is not registered")
        parser.add_argument("name", nargs="?", help="show only this one, in detail")
        command.add_plugin(parser)


def run(name: str, arguments: Namespace) -> int:
    """Print the list, or the entry with the given name."""
    from l2h import plugins

    plugins.load(arguments.plugin)
    package, kind = import_module(f"l2h.{name}"), KINDS[name]
    if arguments.name is not None:
        facts = {"name": arguments.name, **kind.facts(package.registry.get(arguments.name))}
        if arguments.json:
            command.print_json(facts)
        else:
            lines = (f"{key}: {', '.join(value) if key == 'columns' else value}" for key, value in facts.items())
            print("\n".join(line for line in lines if not line.endswith(": ")))
        return 0
    known = package.registered()
    if arguments.json:
        command.print_json([{"name": name, **kind.facts(one)} for name, one in known.items()])
    else:
        width = max(map(len, known))
        print("\n".join(f"{name:{width}}  {kind.line(one)}" for name, one in known.items()))
    return 0
