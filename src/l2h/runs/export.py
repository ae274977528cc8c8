"""Export codes and labels of a finished run for numpy, faiss and ann-benchmarks."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from l2h import __version__, codes, extras, paths
from l2h.errors import L2HError
from l2h.ranking.neighbours import nearest_neighbours
from l2h.runs import Run
from l2h.splits import Role, Split
from l2h.store.cells import CELL_KEY, cell_key
from l2h.store.codes import read_codes
from l2h.store.files import atomic
from l2h.store.tables import read_metadata

FORMATS: dict[str, tuple[str, ...]] = {"npy": (), "faiss": ("faiss",), "hdf5": ("h5py",)}  # packages that write them
DESCRIPTION, INDEX, HDF5 = "export.json", "index_binary_flat.faiss", "ann-benchmarks.hdf5"
BIT_ORDER = "bit j is bit j % 8, counted from the lowest, of byte j // 8; padding bits are 0"
NEIGHBOURS = 100  # of each query, as in ann-benchmarks
ROLES: tuple[Role, ...] = ("query", "database")
ROWS = 2**16  # codes unpacked at a time

Arrays = Mapping[str, NDArray]


def export(
    run: Run,
    cells: Sequence[Mapping[str, Any]],
    output: Path | None = None,
    formats: Iterable[str] = FORMATS,
    overwrite: bool = False,
) -> Iterator[dict[str, Any]]:
    """Write each cell into its own folder, one by one.

    Parameters
    ----------
    cells : from `l2h.runs.selection.matching`
    output : parent folder, where cells have the same paths as in the run; None for `export` in the run's folder
    formats : names of FORMATS
    overwrite : replace folders of an earlier export

    Yields
    ------
    the content of the cell's `export.json`, and `folder`, after the cell is written

    Raises
    ------
    L2HError
        a package or codes are missing, or a folder exists, and nothing is written; or a split has changed
    """
    formats = [name for name in FORMATS if name in set(formats)]
    extras.require(*(package for name in formats for package in FORMATS[name]))
    output = run.folder / paths.EXPORT if output is None else output
    for cell in cells:
        run.require(run.file(paths.CODES, cell))
        _require_free(output / paths.CELL.format(**cell), overwrite)
    for _, group in groupby(cells, itemgetter("dataset", "protocol")):
        of_split = list(group)
        split = run.split(of_split[0])
        shared, described = _ids_and_labels(split)
        for cell in of_split:
            path = run.file(paths.CODES, cell)
            key = cell_key(read_metadata(path, *CELL_KEY), path)
            description = {"run": run.folder.resolve().name, **key, **described}
            arrays = {f"{role}_codes": _read(path, shared[f"{role}_ids"], key["bits"]) for role in ROLES}
            folder = output / paths.CELL.format(**cell)
            with atomic(folder) as part:
                part.mkdir()
                for name in formats:
                    _WRITERS[name](part, {**arrays, **shared}, key["bits"])
                (part / DESCRIPTION).write_text(json.dumps(description, indent=2) + "\n", encoding="utf-8")
            yield {**description, "folder": folder}


def _ids_and_labels(split: Split) -> tuple[dict[str, NDArray], dict[str, Any]]:
    """The arrays shared by all cells of a split, and their entries in `export.json`."""
    ids = {role: split.ids(role) for role in ROLES}
    arrays: dict[str, NDArray] = {f"{role}_ids": some for role, some in ids.items()}
    described: dict[str, Any] = {
        **{role: len(some) for role, some in ids.items()},
        "split_sha256": split.sha256,
        "bit_order": BIT_ORDER,
        "l2h_version": __version__,
    }
    known = np.unique(pc.list_flatten(split.table["labels"]).to_numpy())
    if split.neighbours:
        arrays["neighbours"] = np.stack(split.neighbour_rows(ids["query"], ids["database"]))
    elif len(known):
        labels = {f"{role}_labels": split.labels(some) for role, some in ids.items()}
        arrays |= labels
        if labels["query_labels"].ndim == 2:
            described["label_columns"] = known.tolist()  # as in `Split.labels`
    return arrays, described


def _require_free(folder: Path, overwrite: bool) -> None:
    """Raise L2HError if a folder exists, unless it is an earlier export that may be replaced."""
    if folder.exists() and not (folder / DESCRIPTION).exists():
        raise L2HError(f"{folder} exists and is not an export; choose another folder with --output")
    if folder.exists() and not overwrite:
        raise L2HError(f"{folder} exists; replace it with --overwrite, or choose another folder with --output")


def _read(path: Path, ids: NDArray[np.int64], bits: int) -> NDArray[np.uint8]:
    """Packed codes with padding bits set to 0, for programs that would count them."""
    packed = read_codes(path, ids)
    packed &= codes.pack(np.ones((1, bits), dtype=bool))
    return packed


def _write_npy(folder: Path, arrays: Arrays, bits: int) -> None:
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)


def _write_faiss(folder: Path, arrays: Arrays, bits: int) -> None:
    """An index of the database; lengths that are not a multiple of 8 are padded, which changes no distance."""
    import faiss

    index = faiss.IndexBinaryFlat(8 * codes.n_bytes(bits))
    index.add(arrays["database_codes"])
    faiss.write_index_binary(index, str(folder / INDEX))


def _write_hdf5(folder: Path, arrays: Arrays, bits: int) -> None:
    """The file that `write_output` of ann-benchmarks' datasets.py writes for Hamming distances.

    There, a distance is the share of differing bits (`metrics["hamming"]` of its distance.py).
    """
    import h5py

    with h5py.File(folder / HDF5, "w") as file:
        file.attrs.update(type="dense", distance="hamming", dimension=bits, point_type="bit")
        for name, packed in (("train", arrays["database_codes"]), ("test", arrays["query_codes"])):
            unpacked = file.create_dataset(name, (len(packed), bits), dtype=bool)
            for start in range(0, len(packed), ROWS):
                unpacked[start : start + ROWS] = codes.unpack(packed[start : start + ROWS], bits)
        rows, distances = nearest_neighbours(arrays["query_codes"], arrays["database_codes"], NEIGHBOURS, bits=bits)
        file.create_dataset("neighbors", data=rows)
        file.create_dataset("distances", data=distances / bits)


_WRITERS = {"npy": _write_npy, "faiss": _write_faiss, "hdf5": _write_hdf5}
