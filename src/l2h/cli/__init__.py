"""The command line. A command is one module here; whatever takes time to import, it imports when it runs."""

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
    """Run the command that these words (those of the shell, if left out) ask for, and return the exit code."""
    parser = command.Parser(
        prog="l2h",
        description="Look into learning-to-hash benchmarks, and use what they trained.",
        epilog="l2h COMMAND --help has examples.",
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
    # Pillow warns of images without naming them; what keeps one from being used is an error that does
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
    except BrokenPipeError:  # who read on, as `head`, has enough; what is still buffered must not fail at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return code
