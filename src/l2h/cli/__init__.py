"""The command line: one module a command, which imports slow modules only when it runs."""

import os
import sys
import warnings
from collections.abc import Sequence

from l2h import __version__, extras
from l2h.cli import (
    bench,
    check_config,
    check_split,
    command,
    compare,
    described,
    export,
    power,
    provenance,
    registered,
    run,
    search,
)
from l2h.errors import L2HError


def main(words: Sequence[str] | None = None) -> int:
    """Run the command given by `words` (default: the shell's arguments) and return the exit code."""
    parser = command.Parser(
        prog="l2h",
        description="Run learning-to-hash benchmarks, inspect their results, and use the trained models.",
        epilog="See l2h COMMAND --help for examples.",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for module in (
        run,
        bench,
        search,
        compare,
        export,
        power,
        check_split,
        check_config,
        provenance,
        registered,
        described,
    ):
        module.add_to(commands)
    arguments = parser.parse_args(words)
    # Pillow's warnings do not name the image; our errors do
    warnings.filterwarnings("ignore", module=r"PIL\.")
    try:
        code = arguments.run(arguments)
        sys.stdout.flush()
    except (L2HError, ModuleNotFoundError) as error:
        said = extras.named(error)
        if not isinstance(said, L2HError):
            raise
        sys.stderr.write(f"l2h: error: {said}\n")
        return 1
    except BrokenPipeError:  # the reader, such as `head`, has closed; do not fail on buffered output at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return code
