"""External codes, from another program: find, read and check their files."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Formatter

import numpy as np
from numpy.typing import NDArray

from l2h import codes
from l2h.errors import L2HError, line
from l2h.hashing.base import Method
from l2h.hashing.parameters import require
from l2h.ids import find
from l2h.store import limits
from l2h.store.codes import read_bare_codes

Ints = NDArray[np.int64]

PLACES = ("dataset", "protocol", "bits", "seed")
FORMATS = ("bits", "packed")


@dataclass(kw_only=True, eq=False, repr=False)
class External(Method):
    """External codes, read from files; nothing is trained.

    Codes of another program are evaluated and compared like those of the methods here.

    Parameters
    ----------
    bits : code length
    codes : path of a .npy or .parquet file, in which {dataset}, {protocol}, {bits} and {seed} are filled in
    format : how a .npy array holds codes: "bits", one column per bit, or "packed" bytes; None infers it from dtype and
        width, and raises an error if both are possible
    random_state : without effect; all methods have it

    Notes
    -----
    **Pitfalls.**

    - Rows of a .npy array are taken in the order of the dataset's ids. A .parquet table names the id of each code, so
      it cannot be out of order.
    - Real-valued outputs are refused: take `scores > 0` first. Packed bytes need `bitorder="little"`.
    - Training images, and the choice of the epoch, are those of the other program; see `docs/how-to/own-codes.md`.

    Examples
    --------
    >>> from l2h import hashing
    >>> external = hashing.make("external", bits=32, codes="codes/{dataset}-{bits}-{seed}.npy")
    >>> external.path("digits", "digits-300", bits=32, seed=0)
    'codes/digits-32-0.npy'
    """

    kind = "external"

    codes: str = ""
    format: str | None = None

    def check_params(self) -> None:
        """Raise ValueError for an invalid parameter."""
        super().check_params()
        right = isinstance(self.codes, str) and self.codes.endswith((".npy", ".parquet")) and _is_template(self.codes)
        names = ", ".join(f"{{{name}}}" for name in PLACES)
        require(right, "codes", self.codes, f"the path of a .npy or .parquet file, which may hold {names}")
        require(self.format is None or self.format in FORMATS, "format", self.format, "bits or packed, or left out")

    def lengths_and_seeds(
        self, dataset: str, protocol: str, bits: Sequence[int], seeds: Sequence[int]
    ) -> list[tuple[int, int]]:
        """The code lengths that have files, with all seeds; only with the first seed if the path has no {seed}.

        Raises
        ------
        L2HError
            files are missing for all lengths, or for some seeds of a length; or one file is named for several lengths
        """
        if "{bits}" not in self.codes and len(bits) > 1:
            raise L2HError(f"{self.codes} is one file, but there are {len(bits)} code lengths; add {{bits}} to it")
        if "{seed}" not in self.codes:
            seeds = seeds[:1]
        missing = {}
        for length in bits:
            paths = [self.path(dataset, protocol, length, seed) for seed in seeds]
            missing[length] = [path for path in paths if not Path(path).is_file()]
        there = [length for length in bits if len(missing[length]) < len(seeds)]
        # if no file exists, the message shows the first path
        wanted = [path for length in there or bits for path in missing[length]]
        if wanted:
            raise L2HError(
                f"{wanted[0]} does not exist, which should hold the codes of {dataset} ({protocol}); "
                "paths are relative to the working directory"
            )
        return [(length, seed) for length in there for seed in seeds]

    def path(self, dataset: str, protocol: str, bits: int, seed: int) -> str:
        """The file of one cell."""
        return self.codes.format(dataset=dataset, protocol=protocol, bits=bits, seed=seed)

    def read(self, path: str | Path, ids: Ints) -> NDArray[np.uint8]:
        """Codes of the dataset's images.

        Parameters
        ----------
        path : .npy array, one row per image in the order of `ids`, or parquet table of id and code in any order
        ids : int64 (n,), of all images of the dataset

        Returns
        -------
        uint8 (n, ceil(bits / 8)), packed, in the order of `ids`

        Raises
        ------
        L2HError
            shape, values or ids do not match `bits` and these images
        """
        packed = (
            _in_order(path, self.bits, ids) if Path(path).suffix == ".parquet" else self._from_array(path, len(ids))
        )
        spare = -self.bits % 8
        dirty = packed[:, -1] >> (8 - spare) != 0 if spare else np.zeros(len(packed), dtype=bool)
        if dirty.any():
            raise L2HError(
                f"{path}: the code in row {dirty.argmax()} has bits beyond the first {self.bits} set; they must be 0, "
                'as np.packbits(..., bitorder="little") leaves them'
            )
        return packed

    def _from_array(self, path: str | Path, n: int) -> NDArray[np.uint8]:
        try:
            # memory-mapped, because a header may claim more than the file has or memory can hold
            limits.require_plain(path)
            array = np.load(path, mmap_mode="r", allow_pickle=False)
        except Exception as error:  # the header is parsed as Python literals, which can raise many errors
            raise L2HError(f"{path} is not a .npy array ({line(error)}); write it with np.save") from error
        if not isinstance(array, np.ndarray):
            raise L2HError(f"{path} holds several arrays; write one with np.save")
        width = codes.n_bytes(self.bits)
        what = f"{path}: {array.dtype} of shape {array.shape}"
        allowed = f"({n}, {self.bits}) of 0/1 or -1/1, or packed uint8 ({n}, {width}), expected"
        if array.ndim != 2 or array.dtype.kind not in "biuf":
            raise L2HError(f"{what}; {allowed}")
        if len(array) != n:
            raise L2HError(f"{what}; the dataset has {n} images, so {n} rows in the order of their ids are expected")
        as_packed = array.dtype == np.uint8 and array.shape[1] == width and self.format != "bits"
        if not as_packed and (array.shape[1] != self.bits or self.format == "packed"):
            raise L2HError(f"{what}; {allowed}{f' by format {self.format}' if self.format else ''}")
        if as_packed and self.format is None and self.bits > 1 and (array <= 1).all():
            raise L2HError(
                f"{what} holds only 0 and 1: packed codes of {self.bits} bits, or {array.shape[1]} bits unpacked? "
                "set `format: packed`, or correct the code length"
            )
        return array if as_packed else codes.pack(_as_bits(array, path))


def _as_bits(array: NDArray, path: str | Path) -> NDArray[np.bool_]:
    """Values that are all 0 and 1, or all -1 and 1, as bool."""
    low = -1 if (array == -1).any() else 0
    wrong = ~np.isin(array, (low, 1))
    if wrong.any():
        row, column = np.argwhere(wrong)[0]
        raise L2HError(
            f"{path}: {array[row, column]} in row {row}, column {column}; codes hold only 0 and 1, or -1 and 1: "
            "binarise scores with `scores > 0` first"
        )
    return array == 1


def _in_order(path: str | Path, bits: int, ids: Ints) -> NDArray[np.uint8]:
    """Codes from a table of id and code, in the order of `ids`, each of which must occur once."""
    known, packed = read_bare_codes(path, bits, cure="write it again")
    if len(np.unique(known)) < len(known):
        values, counts = np.unique(known, return_counts=True)
        raise L2HError(f"{path}: ids {values[counts > 1][:5].tolist()} occur more than once; give one code per image")
    rows, found = find(ids, known)
    if not found.all():
        raise L2HError(f"{path}: {(~found).sum()} images have no code, ids {ids[~found][:5].tolist()} ...; add them")
    if len(known) > len(ids):
        foreign = known[~np.isin(known, ids)]
        raise L2HError(f"{path}: the dataset has no images with the ids {foreign[:5].tolist()} ...; leave them out")
    return packed[rows]


def _is_template(path: str) -> bool:
    """Whether all braces contain a plain name of PLACES; Snakemake reads any others as wildcards."""
    if "{{" in path or "}}" in path:
        return False
    try:
        fields = [field[1:] for field in Formatter().parse(path) if field[1] is not None]
    except ValueError:
        return False
    return all(name in PLACES and not spec and conversion is None for name, spec, conversion in fields)
