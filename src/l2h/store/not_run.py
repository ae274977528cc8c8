"""Placeholders for the files of a cell whose method could not be trained.

A method may be impossible for some data, for example with fewer images than bits, while others run. The files of such a
cell hold only the reason; jobs that read them pass it on, and the table shows it.
"""

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from l2h.errors import L2HError
from l2h.store.cells import CELL_KEY
from l2h.store.cells import NOT_RUN as REASON
from l2h.store.models import read_description, write_model
from l2h.store.tables import read_metadata, write_metadata


def mark(outputs: Iterable[str], reason: str, key: Mapping[str, Any]) -> None:
    """Write the reason and the cell's key as a placeholder: a parquet file, or a model's folder."""
    told = {REASON: reason, **{name: str(key[name]) for name in CELL_KEY if name in key}}
    for path in map(Path, outputs):
        if path.suffix:
            write_metadata(path, told)
        else:
            write_model(path, told, {})


def find(path: str | Path) -> dict[str, str] | None:
    """The reason (as "not_run") and the key in a placeholder; None if the file is not a placeholder.

    An unreadable file gives None too: its own reader reports the error.
    """
    path = Path(path)
    try:
        told = read_description(path) if path.is_dir() else read_metadata(path)
    except L2HError:
        return None
    return {name: told[name] for name in (REASON, *CELL_KEY) if name in told} if REASON in told else None


def hand_on(snakemake: Any) -> None:
    """If the input of a cell's job is a placeholder, write the output as one too, and end the job."""
    for path in snakemake.input:
        told = find(path)
        if told:
            mark(snakemake.output, told.pop(REASON), told)
            sys.exit()


def split_off(paths: Iterable[str]) -> tuple[list[str], list[dict[str, str]]]:
    """Files of the cells that were run, and reasons and keys of those that were not."""
    whole, absent = [], []
    for path in paths:
        told = find(path)
        if told:
            absent.append(told)
        else:
            whole.append(path)
    return whole, absent
