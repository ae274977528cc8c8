"""`l2h metrics`: what is measured, how it is defined, and where it is reported."""

from argparse import Namespace
from typing import TYPE_CHECKING, Any

from l2h.cli import command

if TYPE_CHECKING:
    from l2h.metrics import Metric

DOES = "List the metrics of the comparison, a line each; or show one with its definition and its columns."


def add_to(commands: command.Commands) -> None:
    """Add the command."""
    examples = ["l2h metrics", "l2h metrics map", "l2h metrics --plugin my.py --json"]
    parser = command.add(commands, "metrics", run, DOES, examples, "there is none of that name")
    parser.add_argument("name", nargs="?", help="show this one")
    command.add_plugin(parser)


def run(arguments: Namespace) -> int:
    """Print the list, or the one that is asked for."""
    from l2h import metrics, plugins

    plugins.load(arguments.plugin)
    if arguments.name is not None:
        facts = _facts(metrics.registry.get(arguments.name))
        if arguments.json:
            command.print_json(facts)
        else:
            lines = (f"{key}: {', '.join(value) if key == 'columns' else value}" for key, value in facts.items())
            print("\n".join(line for line in lines if not line.endswith(": ")))
        return 0
    known = metrics.registered()
    if arguments.json:
        command.print_json([_facts(metric) for metric in known.values()])
    else:
        width = max(map(len, known))
        print("\n".join(f"{name:{width}}  {metric.axis}: {metric.formula}" for name, metric in known.items()))
    return 0


def _facts(metric: "Metric") -> dict[str, Any]:
    """What there is to know of a metric, in words."""
    return {
        "name": metric.name,
        "axis": metric.axis,
        "better": metric.better,
        "formula": metric.formula,
        "source": metric.source,
        "computed on": metric.basis,
        "columns": list(metric.reported()),
    }
