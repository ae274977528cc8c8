"""A cell whose method could not be trained: what stands in place of its files, and what follows from them.

A method that is impossible for some data, as with fewer images than bits, is no fault of the others: the cell's files
hold the reason alone, jobs that take them hand it on, and the table shows it.
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
    """Write the reason, and the cell's key, in place of a cell's files: parquet, or the folder of a model."""
    told = {REASON: reason, **{name: str(key[name]) for name in CELL_KEY if name in key}}
    for path in map(Path, outputs):
        if path.suffix:
            write_metadata(path, told)
        else:
            write_model(path, told, {})


def find(path: str | Path) -> dict[str, str] | None:
    """The reason, as "not_run", and the key that stand in place of a file; None where it is what it should be.

    What cannot be read is not judged here: its own reader says what is wrong.
    """
    path = Path(path)
    try:
        told = read_description(path) if path.is_dir() else read_metadata(path)
    except L2HError:
        return None
    return {name: told[name] for name in (REASON, *CELL_KEY) if name in told} if REASON in told else None


def hand_on(snakemake: Any) -> None:
    """End a job of one cell, with the reason as its result, where its input holds no more than that."""
    for path in snakemake.input:
        told = find(path)
        if told:
            mark(snakemake.output, told.pop(REASON), told)
            sys.exit()


def split_off(paths: Iterable[str]) -> tuple[list[str], list[dict[str, str]]]:
    """Files of cells that were run, and the reasons and keys of those that were not."""
    whole, absent = [], []
    for path in paths:
        told = find(path)
        if told:
            absent.append(told)
        else:
            whole.append(path)
    return whole, absent
