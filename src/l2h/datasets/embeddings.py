"""Embeddings from another model, in the user's own files; there are no images."""

import hashlib
import logging
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

import l2h
from l2h.datasets.base import Dataset
from l2h.errors import L2HError
from l2h.exact_search import DISTANCES
from l2h.splits import ROLES, Protocol, Relevance
from l2h.store.arrays import HDF5, Array, attributes, open_arrays
from l2h.store.features import write_features
from l2h.store.manifests import write_manifest

if TYPE_CHECKING:
    from l2h.datasets.downloads import Sources

NEIGHBOURS = 100
ANN_BENCHMARKS = {"angular": "cosine", "euclidean": "l2"}  # its names of distances
TRAINED_ON = 100_000  # maximum number of vectors, for a database with separate queries
CODES = "to evaluate codes of another program, use the method `external` (docs/how-to/own-codes.md)"

_log = logging.getLogger("l2h")


class Embeddings(Dataset):
    """Embeddings from another model, of images or of anything else.

    An item is relevant to a query if they share a label or a group or, without labels and groups, if it is one of the
    query's nearest neighbours in the database, found by exact search.

    Parameters
    ----------
    embeddings : a .npy, .npz, .parquet, .h5, .hdf5 or .safetensors file of float vectors (n, d). HDF5 with `train` and
        `test`, as ann-benchmarks has it, is database and queries
    array : the name of the array or column that holds the vectors, if the file has several with two dimensions
    labels : integers or text (n,), 0 and 1 (n, c), or lists of numbers: the name of an array or column of the same
        file, or another file
    groups : instead of labels, integers or text (n,): items of a group are relevant to each other, such as two views of
        an object. At most one query of a group is drawn
    ids : names of the vectors, (n,), to identify them; by default row numbers
    roles : text (n,), a fixed split: query, train, database, or "train database" for both
    queries : separate query vectors (q, d), a fixed split: all of `embeddings` is the database
    query_labels : labels or groups of the separate query vectors
    neighbours : without labels and groups, number of nearest neighbours that are relevant to a query; by default 100
    distance : distance of the neighbours, cosine or l2; by default cosine
    """

    images = False
    protocols = {"embeddings-10-40": Protocol(query=0.1, train=0.4)}
    any_protocol = True
    flips = False

    def __init__(
        self,
        sources: "Sources",
        *,
        embeddings: str,
        array: str | None = None,
        labels: str | None = None,
        groups: str | None = None,
        ids: str | None = None,
        roles: str | None = None,
        queries: str | None = None,
        query_labels: str | None = None,
        neighbours: int | None = None,
        distance: str | None = None,
    ):
        super().__init__(sources)
        given = {"array": array, "labels": labels, "groups": groups, "ids": ids, "roles": roles}
        given |= {"queries": queries, "query_labels": query_labels, "distance": distance}
        for name, value in {"embeddings": embeddings, **given}.items():
            if not isinstance(value, str) and (value is not None or name == "embeddings"):
                raise L2HError(f"{name} must be text, got {value!r}")
        self._given = {name: value for name, value in given.items() if value is not None}
        self._file = Path(embeddings)
        self._layout = self._ann_benchmarks()
        self.relevance: Relevance = "labels" if labels else "groups" if groups else "neighbours"
        self._require_sensible(neighbours)
        if self.relevance == "neighbours":
            by = distance or ANN_BENCHMARKS.get(self._layout, "cosine")
            self.neighbours = {"k": neighbours or NEIGHBOURS, "distance": by}
        if roles or queries or self._layout:
            self.protocols, self.any_protocol = {"given": None}, False

    def _ann_benchmarks(self) -> str:
        """The distance that a file in ann-benchmarks' layout names; "" for any other file."""
        if self._file.suffix not in HDF5 or not self._file.is_file():
            return ""
        if not {"train", "test"} <= open_arrays(self._file).keys():
            return ""
        return str(attributes(self._file).get("distance", "euclidean"))

    def _require_sensible(self, neighbours: int | None) -> None:
        given = self._given
        if "labels" in given and "groups" in given:
            raise L2HError("give labels or groups, not both: only one defines relevance")
        if "roles" in given and ("queries" in given or self._layout):
            raise L2HError("give roles or queries, not both: each defines a complete split")
        if self.relevance != "neighbours" and (neighbours is not None or "distance" in given):
            raise L2HError(
                f"neighbours and distance are for data without labels; leave them out, or leave {self.relevance} out"
            )
        if neighbours is not None and (type(neighbours) is not int or neighbours < 1):
            raise L2HError(f"neighbours must be a positive integer, got {neighbours!r}")
        if given.get("distance", "l2") not in DISTANCES:
            raise L2HError(f"distance must be one of {', '.join(DISTANCES)}, got {given['distance']!r}")
        apart = "queries" in given or bool(self._layout)
        if self.relevance != "neighbours" and apart != ("query_labels" in given):
            raise L2HError("query_labels are labels or groups of the vectors in queries; give both or neither")
        if self.relevance == "neighbours" and "query_labels" in given:
            raise L2HError("query_labels needs labels, or groups, of the database too")

    def missing(self) -> str | None:
        """Say that a file is missing."""
        absent = [str(path) for path in self.made_of() if not path.is_file()]
        strange = [path for path in absent if Path(path).exists()]
        if strange:
            return f"{strange[0]} is not a file; correct its path"
        return f"no file at {', '.join(absent)}; put it there, or correct its path" if absent else None

    def made_of(self) -> list[Path]:
        """The files that it reads."""
        names = ("labels", "groups", "ids", "roles", "queries", "query_labels")
        known = self._arrays if self._file.is_file() else {}
        others = [Path(self._given[name]) for name in names if self._given.get(name, "") not in ("", *known)]
        return [self._file, *others]

    def prepare(self, store: Path, manifest_path: Path) -> None:
        """Check all vectors and their labels; write features to `store`, and the manifest.

        Raises
        ------
        L2HError
            vectors or labels are invalid; the message names file, place and cure
        """
        parts = self._vectors
        dtype = "float16" if all(part.dtype == np.float16 for part in parts) else "float32"
        hashes = [digest for part in parts for digest in _digests(part, dtype)]
        database, n = parts[0].shape[0], len(hashes)
        labels, self.classes = self._labels(database, n)
        write_manifest(manifest_path, hashes, labels, self._locations(database), self._roles(database, n), self.classes)
        metadata = {
            "backbone": "embeddings",
            "layer": "",
            "weights": re.sub(r"[^A-Za-z0-9_.-]", "_", self._file.stem),
            "weights_sha256": hashlib.sha256(b"".join(hashes)).hexdigest(),
            "dtype": dtype,
            "l2h_version": l2h.__version__,
        }
        write_features(store, _numbered(block for part in parts for block in part.blocks()), dtype, metadata)

    def require_alike(self) -> None:
        """Raise L2HError unless labels, ids and roles are as many as vectors; reads only the heads of the files."""
        database = self._vectors[0].shape[0]
        numbers = dict.fromkeys(("labels", "groups", "ids", "roles"), database) | {"query_labels": self.size - database}
        for parameter in numbers.keys() & self._given.keys():
            self._require_rows(parameter, numbers[parameter])

    @property
    def size(self) -> int:
        """Number of vectors; reads only the files' headers."""
        return sum(part.shape[0] for part in self._vectors)

    @cached_property
    def _arrays(self) -> dict[str, Array]:
        return open_arrays(self._file)

    @cached_property
    def _vectors(self) -> list[Array]:
        """The vectors of the database, and of the queries if they are separate."""
        name = "train" if self._layout else self._given.get("array")
        parts = [_vectors_of(self._file, self._arrays, name)]
        if self._layout:
            parts.append(self._arrays["test"])
        elif "queries" in self._given:
            parts.append(self._named("queries", two_dimensional=True))
        if len({part.shape[1] for part in parts}) > 1:
            raise L2HError(
                f"{parts[0]} holds {parts[0].what}, {parts[1]} {parts[1].what}; vectors of the same length expected"
            )
        return parts

    def _named(self, parameter: str, two_dimensional: bool = False) -> Array:
        """The array that a parameter names: in the file of embeddings, or in a file of its own."""
        value = self._given[parameter]
        if value in self._arrays and value:
            return self._arrays[value]
        if not Path(value).is_file():
            names = ", ".join(filter(None, self._arrays)) or "no names"
            raise L2HError(f"{parameter}: {value!r} is neither a file nor an array of {self._file}, which has {names}")
        found = open_arrays(value)
        if two_dimensional:
            return _vectors_of(Path(value), found, None)
        if len(found) != 1:
            raise L2HError(f"{parameter}: {value} holds {', '.join(found) or 'nothing'}; one array expected")
        return next(iter(found.values()))

    def _column(self, parameter: str, n: int) -> NDArray[Any]:
        """The values of a parameter for n vectors."""
        return self._require_rows(parameter, n).read()

    def _require_rows(self, parameter: str, n: int) -> Array:
        """The array of a parameter; raises L2HError unless it has n rows."""
        array = self._named(parameter)
        if array.shape[0] != n:
            raise L2HError(
                f"{array} holds {array.shape[0]} {parameter} for {n} vectors; one each, in the same order, expected"
            )
        return array

    def _labels(self, database: int, n: int) -> tuple[list[list[int]], Sequence[str]]:
        if self.relevance == "neighbours":
            return [[]] * n, ()
        parts = [self._column(self.relevance, database)]
        if n > database:
            parts.append(self._column("query_labels", n - database))
        if self.relevance == "groups" or _is_text(parts[0]):
            return _numbered_names(self._given[self.relevance], parts, keep=self.relevance == "labels")
        where = [str(self._named(name)) for name in (self.relevance, "query_labels") if name in self._given]
        return [labels for part, place in zip(parts, where, strict=True) for labels in _label_lists(part, place)], ()

    def _locations(self, database: int) -> list[str]:
        rows = [f"{part.path.name}[{row}]" for part in self._vectors for row in range(part.shape[0])]
        if "ids" in self._given:
            rows[:database] = map(str, self._column("ids", database).tolist())
        return rows

    def _roles(self, database: int, n: int) -> list[list[str]] | None:
        if "roles" in self._given:
            given = [str(value).replace(",", " ").split() for value in self._column("roles", database).tolist()]
            for row, roles in enumerate(given):
                if not set(roles) <= {*ROLES}:
                    raise L2HError(
                        f"{self._named('roles')}: {' '.join(roles)!r} in row {row}; roles are query, train and database"
                    )
            return given
        if self.any_protocol:
            return None
        trained = np.zeros(database, dtype=bool)
        trained[np.linspace(0, database - 1, min(database, TRAINED_ON)).astype(int)] = True
        both = [["train", "database"] if one else ["database"] for one in trained.tolist()]
        return [*both, *([["query"]] * (n - database))]


def _vectors_of(path: Path, arrays: dict[str, Array], name: str | None) -> Array:
    """The array of vectors in a file: by its name, or the only one with two dimensions."""
    if name is not None and name not in arrays:
        raise L2HError(f"{path} has no array {name!r}; it has {', '.join(arrays) or 'none'}")
    fit = [arrays[name]] if name is not None else [array for array in arrays.values() if len(array.shape) == 2]
    if len(fit) > 1:
        raise L2HError(f"{path} holds {', '.join(one.name for one in fit)}; set `array` to the one with the vectors")
    if not fit or len(fit[0].shape) != 2:
        found = ", ".join(f"{array.name} {array.what}".strip() for array in (fit or arrays.values())) or "nothing"
        raise L2HError(f"{path} holds {found}; float vectors of shape (n, d) expected")
    (array,) = fit
    if array.dtype.kind in "iub":
        raise L2HError(
            f"{array} holds {array.dtype}: {CODES}; if these are vectors, save them with array.astype(np.float32)"
        )
    if array.dtype.kind != "f" or 0 in array.shape:
        raise L2HError(f"{array} holds {array.what}; float vectors of shape (n, d) expected")
    return array


def _digests(vectors: Array, dtype: str) -> Iterator[bytes]:
    """The sha256 of each vector as stored; refuses values that are not finite, warns of useless vectors."""
    row = empty = 0
    for number, block in enumerate(vectors.blocks()):
        with np.errstate(over="ignore"):  # overflow is refused below
            stored = np.ascontiguousarray(block, dtype=dtype)
        finite = np.isfinite(stored)
        if not finite.all():
            at, column = np.argwhere(~finite)[0]
            raise L2HError(
                f"{vectors}: {block[at, column]} in row {row + at}, column {column}; leave the row out, or correct it"
            )
        with np.errstate(over="ignore"):
            large = ~np.isfinite(np.einsum("ij,ij->i", *[stored.astype(np.float32)] * 2))
        if large.any():
            at = int(large.argmax())
            raise L2HError(
                f"{vectors}: the values in row {row + at} are so large that their squares overflow; scale them"
            )
        if number == 0 and len(np.unique(stored)) <= 2:
            _log.warning("%s holds only two distinct values, like codes; %s", vectors, CODES)
        empty += int((~stored.any(axis=1)).sum())
        row += len(block)
        yield from (hashlib.sha256(vector).digest() for vector in stored)
    if empty:
        _log.warning("%s: %d vectors are 0 in all columns, so they have no neighbours", vectors, empty)


def _numbered(blocks: Iterable[NDArray[Any]]) -> Iterator[tuple[NDArray[np.int64], NDArray[Any]]]:
    first = 0
    for block in blocks:
        yield np.arange(first, first + len(block)), block
        first += len(block)


def _is_text(values: NDArray[Any]) -> bool:
    return values.dtype.kind in "US" or (values.dtype == object and isinstance(values[0], str | bytes))


def _text(values: NDArray[Any]) -> NDArray[np.str_]:
    return np.char.decode(values, "utf-8") if values.dtype.kind == "S" else values.astype(str)


def _numbered_names(place: str, parts: Sequence[NDArray[Any]], keep: bool) -> tuple[list[list[int]], Sequence[str]]:
    """Number the values in sorted order; returns the numbers, and the values as names."""
    try:
        joined = np.concatenate([_text(part) if _is_text(part) else part for part in parts])
    except UnicodeDecodeError as error:
        raise L2HError(f"{place} holds bytes that are not UTF-8 ({error}); save text, by array.astype(str)") from error
    if joined.ndim != 1 or joined.dtype.kind not in "iuU":
        raise L2HError(f"{place} holds {joined.dtype} of shape {joined.shape}; integers or text, one each, expected")
    names, numbers = np.unique(joined, return_inverse=True)
    return [[number] for number in numbers.tolist()], [str(name) for name in names] if keep else ()


def _label_lists(labels: NDArray[Any], place: str) -> list[list[int]]:
    """Labels of each vector, from classes (n,), 0 and 1 (n, c), or lists."""
    if labels.dtype == object:
        lists = [list(some) if isinstance(some, list) else [some] for some in labels]
    elif labels.ndim == 1 and labels.dtype.kind in "iu":
        lists = [[label] for label in labels.tolist()]
    elif labels.ndim == 2 and labels.shape[1] == 1 and labels.dtype.kind in "iu":
        lists = labels.tolist()
    elif labels.ndim == 2 and labels.dtype.kind in "biuf" and np.isin(labels, (0, 1)).all():
        lists = [np.flatnonzero(row).tolist() for row in labels]
    else:
        raise L2HError(
            f"{place} holds {labels.dtype} of shape {labels.shape}; labels are integers or text (n,), or "
            "0 and 1 (n, c); convert whole numbers by array.astype(int)"
        )
    for row, some in enumerate(lists):
        if not all(type(label) is int and label >= 0 for label in some) or len({*some}) < len(some):
            raise L2HError(f"{place}: {some} in row {row}; labels are integers from 0, and no item has one twice")
    return lists
