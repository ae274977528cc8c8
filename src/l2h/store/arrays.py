"""Arrays in users' own files: .npy, .npz, .parquet, HDF5 and .safetensors, read a block of rows at a time."""

import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from l2h import extras
from l2h.errors import L2HError, line
from l2h.store import limits

BLOCK = 2**21  # values read at a time
HDF5 = (".h5", ".hdf5")
CURE = "write it again"


@dataclass(frozen=True)
class Array:
    """One array of a file.

    Attributes
    ----------
    path : the file
    name : of the array in the file, "" if the file holds only one
    shape : (n,), (n, d), ...; (n,) for a list of any length in each row
    dtype : of its values; object for lists
    """

    path: Path
    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    _blocks: Callable[[int], Iterator[NDArray[Any]]]

    def __str__(self) -> str:
        return f"{self.path}: {self.name}" if self.name else str(self.path)

    @property
    def what(self) -> str:
        """Type and shape, for messages."""
        return f"{self.dtype} of shape {self.shape}"

    def blocks(self) -> Iterator[NDArray[Any]]:
        """Yield blocks of its rows; raises L2HError if the file is damaged."""
        width = max(1, int(np.prod(self.shape[1:])))
        rows = 0
        with _reading(self.path):
            for block in self._blocks(max(1, BLOCK // width)):
                rows += len(block)
                yield block
        if rows != self.shape[0]:
            raise L2HError(f"{self} ends after {rows} of {self.shape[0]} rows; {CURE}")

    def read(self) -> NDArray[Any]:
        """The whole array."""
        parts = list(self.blocks())
        return np.concatenate(parts) if parts else np.empty(self.shape, self.dtype)


def open_arrays(path: str | Path) -> dict[str, Array]:
    """The arrays of a file, by name ("" in a .npy file); reads only where they are.

    Raises
    ------
    L2HError
        the file is missing, damaged or of an unknown format, or the package that reads it is missing
    """
    file = Path(path)
    kind = file.suffix.lower()
    if kind not in _FORMATS:
        raise L2HError(f"{path}: unknown format; save the array as one of {', '.join(_FORMATS)}")
    with _reading(file):
        limits.require_plain(file)
        arrays = {array.name: array for array in _FORMATS[kind](file)}
    for array in arrays.values():
        size, held = int(np.prod(array.shape, dtype=object)) * array.dtype.itemsize, file.stat().st_size
        if size > max(limits.MAX_MEMORY, limits.MAX_RATIO * held):
            raise L2HError(f"{array} claims {size} bytes, but the file has only {held}; {CURE}")
    return arrays


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Turn every error while a file is read into an L2HError."""
    try:
        yield
    except (L2HError, GeneratorExit):
        raise
    except FileNotFoundError as error:
        raise L2HError(f"{path} does not exist; paths are relative to the working directory") from error
    except Exception as error:  # headers are parsed as Python literals, which can raise many errors
        kind = (
            "it holds Python objects"
            if "object" in str(error).lower() and "pickle" not in str(error).lower()
            else line(error)
        )
        raise L2HError(f"{path} cannot be read ({kind}); {CURE}") from error


def _slices(array: Any, rows: int) -> Iterator[NDArray[Any]]:
    for start in range(0, len(array), rows):
        yield np.asarray(array[start : start + rows])


def _npy(path: Path) -> Iterator[Array]:
    array = np.load(path, mmap_mode="r", allow_pickle=False)
    yield Array(path, "", array.shape, array.dtype, lambda rows: _slices(array, rows))


def _npz(path: Path) -> Iterator[Array]:
    with zipfile.ZipFile(path) as archive:
        for member in archive.namelist():
            with archive.open(member) as file:
                shape, by_column, dtype = _header(file)
            if dtype.hasobject or (by_column and len(shape) > 1):
                cure = "save it with np.savez(path, name=np.ascontiguousarray(array))"
                raise L2HError(f"{path}: {member} holds {dtype} in column order, or Python objects; {cure}")
            yield Array(path, member.removesuffix(".npy"), shape, dtype, _of_member(path, member))


def _header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    return read(file)


def _of_member(path: Path, member: str) -> Callable[[int], Iterator[NDArray[Any]]]:
    def blocks(rows: int) -> Iterator[NDArray[Any]]:
        with zipfile.ZipFile(path) as archive, archive.open(member) as file:
            (n, *rest), _, dtype = _header(file)
            row = int(np.prod(rest)) * dtype.itemsize
            for start in range(0, n, rows):
                content = file.read(min(rows, n - start) * row)
                yield np.frombuffer(content, dtype).reshape(-1, *rest)

    return blocks


def _parquet(path: Path) -> Iterator[Array]:
    with pq.ParquetFile(path) as file:
        limits.require_columns(file.metadata, path)
        n = file.metadata.num_rows
        for field in file.schema_arrow:
            kind = field.type
            if pa.types.is_fixed_size_list(kind):
                shape: tuple[int, ...] = (n, kind.list_size)
            elif _is_list(kind) and pa.types.is_floating(kind.value_type):
                first = next(file.iter_batches(1, columns=[field.name]), None)
                shape = (n, len(first.column(0)[0]) if first and first.column(0)[0].is_valid else 0)
            else:
                shape = (n,)
            values = kind.value_type if len(shape) > 1 else kind
            dtype = np.dtype(object) if _is_list(values) else np.dtype(values.to_pandas_dtype())
            yield Array(path, field.name, shape, dtype, _of_column(path, field.name, shape[1:]))


def _is_list(kind: pa.DataType) -> bool:
    return pa.types.is_list(kind) or pa.types.is_large_list(kind)


def _of_column(path: Path, name: str, rest: tuple[int, ...]) -> Callable[[int], Iterator[NDArray[Any]]]:
    def blocks(rows: int) -> Iterator[NDArray[Any]]:
        done = 0
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(rows, columns=[name]):
                (column,) = batch.columns
                if column.null_count:
                    raise L2HError(f"{path}: {name} has no value in {column.null_count} rows; {CURE}")
                if rest:
                    flat = column.flatten()
                    if len(flat) != len(column) * rest[0] or flat.null_count:
                        row = done + next(i for i, one in enumerate(column) if _length(one) != rest[0])
                        raise L2HError(f"{path}: {name} has {rest[0]} values in row 0, but not in row {row}; {CURE}")
                    yield flat.to_numpy(zero_copy_only=False).reshape(-1, *rest)
                elif _is_list(column.type):
                    lists = np.empty(len(column), dtype=object)
                    lists[:] = column.to_pylist()
                    yield lists
                else:
                    yield column.to_numpy(zero_copy_only=False)
                done += len(column)

    return blocks


def _length(row: pa.Scalar) -> int:
    return sum(value is not None for value in row.as_py())


def _hdf5(path: Path) -> Iterator[Array]:
    extras.require("h5py")
    import h5py

    with h5py.File(path, "r") as file:
        found: list[h5py.Dataset] = []
        file.visititems(lambda name, item: found.append(item) if isinstance(item, h5py.Dataset) else None)
        for item in found:
            if item.is_virtual or item.external:
                raise L2HError(f"{path}: {item.name} refers to other files; {CURE}, with its values inside")
            name = item.name.removeprefix("/")
            if item.shape:
                yield Array(path, name, item.shape, item.dtype, _of_dataset(path, name))


def _of_dataset(path: Path, name: str) -> Callable[[int], Iterator[NDArray[Any]]]:
    def blocks(rows: int) -> Iterator[NDArray[Any]]:
        import h5py

        with h5py.File(path, "r") as file:
            text = h5py.check_string_dtype(file[name].dtype)
            yield from _slices(file[name].asstr() if text else file[name], rows)

    return blocks


def attributes(path: Path) -> Mapping[str, Any]:
    """Attributes of an HDF5 file."""
    extras.require("h5py")
    import h5py

    with _reading(path), h5py.File(path, "r") as file:
        return dict(file.attrs)


def _safetensors(path: Path) -> Iterator[Array]:
    from safetensors import safe_open

    with safe_open(path, framework="numpy") as file:
        for name in file.keys():  # noqa: SIM118 (no mapping)
            part = file.get_slice(name)
            shape = tuple(part.get_shape())
            dtype = _SAFETENSORS.get(part.get_dtype())
            if dtype is None:
                raise L2HError(f"{path}: {name} holds {part.get_dtype()}, unknown to numpy; save it as float32")
            yield Array(path, name, shape, np.dtype(dtype), _of_tensor(path, name, shape))


_SAFETENSORS = {
    "F64": "float64", "F32": "float32", "F16": "float16", "I64": "int64", "I32": "int32", "I16": "int16", "I8": "int8",
    "U64": "uint64", "U32": "uint32", "U16": "uint16", "U8": "uint8", "BOOL": "bool",
}  # fmt: skip


def _of_tensor(path: Path, name: str, shape: tuple[int, ...]) -> Callable[[int], Iterator[NDArray[Any]]]:
    def blocks(rows: int) -> Iterator[NDArray[Any]]:
        from safetensors import safe_open

        with safe_open(path, framework="numpy") as file:
            part = file.get_slice(name)
            for start in range(0, shape[0], rows):
                yield np.asarray(part[start : min(start + rows, shape[0])])

    return blocks


_FORMATS: dict[str, Callable[[Path], Iterator[Array]]] = {
    ".npy": _npy,
    ".npz": _npz,
    ".parquet": _parquet,
    **dict.fromkeys(HDF5, _hdf5),
    ".safetensors": _safetensors,
}
