"""Set up a job of the workflow: plug-ins, numeric threads, log file, one-line errors."""

import json
import logging
import os
import sys
from types import TracebackType
from typing import Any

from threadpoolctl import threadpool_limits

from l2h import extras, plugins
from l2h.errors import L2HError, line, printable

THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "NUMBA_NUM_THREADS",
)
_log = logging.getLogger("l2h")


def start(snakemake: Any) -> None:
    """Set up a job's process; call it before importing numeric libraries.

    Parameters
    ----------
    snakemake : the object of a Snakemake `script:`; `params.numeric_threads`, if present, is enforced,
        `config["plugins"]` are loaded when a registry needs them, or at once if `params.code` names them, and `log[0]`
        receives all log records, including warnings and tracebacks. Files that the job writes record its `rule` and the
        digests in `params.code`, from `l2h.plan.code.digests`
    """
    _start_log(snakemake.log[0], getattr(snakemake, "wildcards", None))
    limit_threads(snakemake.params.get("numeric_threads", 1))
    plugins.WAITING[:] = snakemake.config["plugins"]
    from l2h.store.tables import MADE_BY  # not before the threads are limited

    code = snakemake.params.get("code", {})
    MADE_BY.update(rule=snakemake.rule, code=json.dumps(code, sort_keys=True))
    plugins.load(path for path in snakemake.config["plugins"] if plugins.module_of(path) in code)


def limit_threads(n: int) -> None:
    """Limit numeric libraries to `n` threads: through the environment, or directly if they are loaded already.

    The last bits of results depend on this number, so it must not depend on the machine's load.
    """
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, str(n)))
    if "numpy" in sys.modules:
        threadpool_limits(n)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(n)
    if "numba" in sys.modules:
        sys.modules["numba"].config.NUMBA_NUM_THREADS = n


def _start_log(path: str, wildcards: Any) -> None:
    file = logging.FileHandler(path, mode="w", encoding="utf-8")
    file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    screen = logging.StreamHandler()
    # jobs share the screen, so the lines of a cell begin with its name
    cell = "{0.dataset}, {0.variant}, {0.bits} bits, seed {0.seed}: " if hasattr(wildcards, "bits") else ""
    screen.setFormatter(logging.Formatter(f"{cell.format(wildcards)}%(message)s"))
    _log.addHandler(screen)
    _log.setLevel(logging.INFO)
    logging.getLogger().addHandler(file)
    logging.captureWarnings(True)
    logging.raiseExceptions = False  # on a full disk, logging errors must not hide the message about it
    sys.excepthook = _report


def _report(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    """Write the traceback to the log file; show it on the screen only for errors of l2h itself."""
    error = extras.named(error)
    place = "" if isinstance(error, L2HError) else plugins.place_of(error)
    where = f" in {place}" if place else ""  # `l2h.runs.failures` reads it
    logging.getLogger().error("the job failed%s", where, exc_info=(kind, error, traceback))
    if isinstance(error, L2HError):
        sys.stderr.write(f"error: {error}\n")
    elif place:
        said = f"{kind.__name__}: {line(error)}" if str(error) else kind.__name__
        sys.stderr.write(f"error: {printable(f'{place}: {said}')}; the traceback is in the job's log\n")
    else:
        sys.__excepthook__(kind, error, traceback)
