"""Shared by all commands: the parser, help with examples and exit codes, and the options `--json` and `--plugin`."""

import json
import sys
from argparse import (
    Action,
    ArgumentError,
    ArgumentParser,
    ArgumentTypeError,
    Namespace,
    RawDescriptionHelpFormatter,
    _SubParsersAction,
)
from collections.abc import Callable
from itertools import takewhile
from typing import Any, TypeAlias

from l2h.errors import hint, printable

Commands: TypeAlias = "_SubParsersAction[ArgumentParser]"


class Parser(ArgumentParser):
    """An argparse parser that suggests similar names for a mistyped command or option."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[Any, list[str]]:
        """Parse words; report an unknown option before a missing one, which may be a consequence."""
        words = sys.argv[1:] if args is None else list(args)
        if self._subparsers:  # the command's own parser reads what follows the command
            words = list(takewhile(lambda word: word.startswith("-"), words))
        known = self._option_string_actions
        for word in takewhile(lambda word: word != "--", words):
            name = word.partition("=")[0]
            if name.startswith("--") and not any(option.startswith(name) for option in known):
                self.error(f"unrecognized option {name}{hint(name, known)}")
        return super().parse_known_args(args, namespace)

    def _check_value(self, action: Action, value: Any) -> None:
        if action.choices is not None and value not in action.choices:
            choice = ", ".join(map(str, action.choices))
            raise ArgumentError(
                action, f"invalid choice: {value!r}{hint(value, action.choices)}; choose one of {choice}"
            )


def add(
    commands: Commands,
    name: str,
    run: Callable[[Namespace], int],
    does: str,
    examples: list[str],
    failed: str,
    prints_json: bool = True,
) -> ArgumentParser:
    """Add a command and return its parser.

    Parameters
    ----------
    run : takes the parsed arguments, prints, and returns the exit code; an L2HError becomes one line and exit code 1
    does : what the command does, in one or more lines
    examples : command lines
    failed : what exit code 1 means
    prints_json : whether the command can print JSON
    """
    lines = ["examples:", *(f"  {line}" for line in examples), ""]
    lines += ["exit codes:", "  0  success", f"  1  {failed}", "  2  invalid command line"]
    summary = does.partition("\n")[0]
    parser = commands.add_parser(
        name,
        help=summary[0].lower() + summary[1:].rstrip("."),
        description=does,
        epilog="\n".join(lines),
        formatter_class=RawDescriptionHelpFormatter,
    )
    if prints_json:
        parser.add_argument("--json", action="store_true", help="print JSON, for other programs")
    parser.set_defaults(run=run)
    return parser


def add_plugin(parser: ArgumentParser) -> None:
    """Add the option `--plugin`, a list of Python files, empty by default."""
    does = "a Python file that registers methods, datasets, backbones, metrics or charts; may be given several times"
    parser.add_argument("--plugin", action="append", default=[], metavar="FILE", help=does)


def count(text: str) -> int:
    """Type of an option: an integer of at least 1."""
    if not text.isdecimal() or int(text) < 1:
        raise ArgumentTypeError(f"{text!r} is not a positive integer")
    return int(text)


def print_lines(text: str) -> None:
    """Print text that may come from untrusted files: keeps newlines, replaces other control characters."""
    print("\n".join(map(printable, text.split("\n"))))


def print_json(value: Any) -> None:
    """Print a value as JSON; other types are printed as text."""
    print(json.dumps(value, indent=2, default=str))
