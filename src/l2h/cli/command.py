"""What all commands share: the parser, help with examples and exit codes, and the options `--json` and `--plugin`."""

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
    """Argparse's parser, which suggests the command or option that a mistyped one is close to."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[Any, list[str]]:
        """Parse words; an unknown option is named first, as a required one may be missing because of it."""
        words = sys.argv[1:] if args is None else list(args)
        if self._subparsers:  # what follows the command is the command's to parse
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
    run : takes the parsed arguments, prints, and returns the exit code; an L2HError becomes one line and the code 1
    does : what the command does, in a line or more
    examples : command lines
    failed : when the exit code is 1, in words
    prints_json : whether it can print JSON
    """
    lines = ["examples:", *(f"  {line}" for line in examples), ""]
    lines += ["exit codes:", "  0  all is well", f"  1  {failed}", "  2  the command line is wrong"]
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
    """Add the option `--plugin`, a list of the user's own Python files, empty by default."""
    does = "a Python file that registers methods, data sets, backbones, metrics or charts; may be given several times"
    parser.add_argument("--plugin", action="append", default=[], metavar="FILE", help=does)


def count(text: str) -> int:
    """The type of an option that takes a whole number from 1."""
    if not text.isdecimal() or int(text) < 1:
        raise ArgumentTypeError(f"{text!r} is no whole number from 1")
    return int(text)


def print_lines(text: str) -> None:
    """Print text that a stranger's file may have put words into: lines end, but no control character gets out."""
    print("\n".join(map(printable, text.split("\n"))))


def print_json(value: Any) -> None:
    """Print a value as JSON; what JSON does not know is a name."""
    print(json.dumps(value, indent=2, default=str))
