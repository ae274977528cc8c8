"""Select cells with codes by the options of a command."""

from collections.abc import Mapping
from typing import Any

from l2h.errors import L2HError, hint
from l2h.runs import Run
from l2h.runs.description import FILE

# the keys that distinguish a run's cells, and the options that select them
OPTIONS = {"dataset": "dataset", "protocol": "protocol", "backbone": "backbone", "variant": "method", "bits": "bits"}
SETTINGS = {"bits": "bits", "seed": "seeds"}  # those that apply to every method of the run


def matching(run: Run, wanted: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The cells of a run that have codes, as `Run.cells`, and match `wanted`.

    Parameters
    ----------
    wanted : keys of OPTIONS, and seed; None for any

    Raises
    ------
    L2HError
        no cell matches; the message lists the choices
    """
    known = run.facts  # fails first if there is no run
    # if a cell's codes were deleted, its ranking shows that it had some
    ranked = [cell for cell in run.cells if run.is_ranked_by_codes(cell)]
    cells = list({cell["folder"]: cell for cell in (*ranked, *run.coded)}.values())
    for name in (*OPTIONS, "seed"):
        there = sorted({cell[name] for cell in cells})
        value = wanted.get(name)
        if there and value is not None and value not in there:
            what, choice = OPTIONS.get(name, name), ", ".join(map(str, there))
            deleted = name in SETTINGS and value in known["settings"][SETTINGS[name]]
            cure = f", or if they were deleted, create them again: {known['command']}" if deleted else ""
            close = "" if name in SETTINGS else hint(value, there)
            raise L2HError(f"{run.folder} has no codes of {what} {value!r}{close}; choose one of {choice}{cure}")
        cells = [cell for cell in cells if value in (None, cell[name])]
    if not cells:
        raise L2HError(f"{run.folder} has no codes: its methods rank by scores")
    for cell in cells:
        for fact, name in (("homes", cell["dataset"]), ("splits", f"{cell['dataset']}/{cell['protocol']}")):
            if name not in known[fact]:
                raise L2HError(f"{run.folder} has codes of {name}, which its {FILE} does not list; run it again")
    return cells
