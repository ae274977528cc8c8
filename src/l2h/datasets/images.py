"""Read images from a dataset's image store."""

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from l2h.datasets import decoding
from l2h.errors import L2HError, line
from l2h.ids import find
from l2h.store import limits
from l2h.store.tables import CURE

Ints = NDArray[np.int64]
Images = NDArray[np.uint8] | list[NDArray[np.uint8]]

ARRAY = "images.npy"
ROOT = "root"
DECODERS = 4  # threads that decode images; results do not depend on their number


class ImageStore:
    """The images of a dataset: an array of one size, or image files in the user's own folder.

    Parameters
    ----------
    folder : holds `images.npy`, uint8 (n, h, w) grey or (n, h, w, 3) RGB, or `root`, a link to a folder of images
    manifest : table of id, image_sha256, labels, location; the sha256 is that of an array's row, or of a file

    Raises
    ------
    L2HError
        the store is damaged, or does not belong to the manifest
    """

    def __init__(self, folder: str | Path, manifest: pa.Table):
        self.folder = Path(folder)
        self._manifest = manifest
        self._array = self._map_array() if (self.folder / ARRAY).exists() else None

    def __len__(self) -> int:
        return len(self._manifest)

    def rows_of(self, ids: Ints) -> Ints:
        """The manifest's rows, int64 (m,), of these ids, int64 (m,); raises L2HError if an id is missing."""
        rows, found = find(ids, self._manifest["id"].to_numpy())
        if not found.all():
            raise L2HError(f"{self.folder} has no images of ids {ids[~found][:5].tolist()} ...; {CURE}")
        return rows

    def read(self, rows: Ints) -> Images:
        """The images in these rows of the manifest, int64 (m,).

        Returns
        -------
        uint8 (m, h, w) or (m, h, w, 3) from an array; from image files a list of m arrays, uint8 (h, w, 3) each

        Raises
        ------
        L2HError
            an image is missing, or has changed since the manifest was written
        """
        wanted = self._manifest.select(["location", "image_sha256"]).take(pa.array(rows))
        if self._array is not None:
            return self._checked(np.asarray(self._array[rows]), rows, wanted["image_sha256"].to_pylist())
        with ThreadPoolExecutor(DECODERS) as pool:
            return list(pool.map(self._read_image, *(column.to_pylist() for column in wanted.columns)))

    def _checked(self, images: NDArray[np.uint8], rows: Ints, sha256: list[bytes]) -> NDArray[np.uint8]:
        for image, row, expected in zip(images, rows, sha256, strict=True):
            if hashlib.sha256(image.tobytes()).digest() != expected:
                raise L2HError(
                    f"{self.folder / ARRAY} is damaged: row {row} is not the image of its manifest; "
                    f"delete {self.folder} and run again"
                )
        return images

    def _read_image(self, location: str, sha256: bytes) -> NDArray[np.uint8]:
        path = self.folder / location
        try:
            if not location.startswith(f"{ROOT}/") or ".." in path.parts:
                raise decoding.ImageError("not below the folder of images")
            content = decoding.read(path)
            if hashlib.sha256(content).digest() != sha256:
                raise decoding.ImageError("changed since the dataset was prepared")
            return decoding.decode(content)[0]
        except decoding.ImageError as error:
            raise L2HError(f"{path}: {error}; restore the image, or run again to prepare the dataset again") from error

    def _map_array(self) -> NDArray[np.uint8]:
        """The array, memory-mapped and not loaded."""
        path = self.folder / ARRAY
        try:
            limits.require_plain(path)
            images = np.load(path, mmap_mode="r", allow_pickle=False)
        except Exception as error:  # the header is parsed as Python literals, which can raise many errors
            raise L2HError(
                f"{path} is damaged or cut short ({line(error)}); delete {self.folder} and run again"
            ) from error
        if images.dtype != np.uint8 or images.ndim not in (3, 4) or images.shape[3:] not in ((), (3,)):
            raise L2HError(
                f"{path} is not an image store: uint8 (n, h, w[, 3]) expected, {images.dtype} {images.shape} found"
            )
        if len(images) != len(self):
            raise L2HError(
                f"{path} holds {len(images)} images, its manifest {len(self)}; delete {self.folder} and run again"
            )
        return images


def require_same(manifest: pa.Table, other: pa.Table, what: str) -> None:
    """Raise L2HError unless two manifests list the same images with the same ids; `what` names the other one."""
    columns = ["id", "image_sha256"]
    if not manifest.select(columns).equals(other.select(columns)):
        raise L2HError(
            f"the images here do not match those of {what}, by id and sha256; get the dataset that it was made from"
        )


def iter_images(
    folder: str | Path, manifest: pa.Table, batch_size: int, ids: Ints | None = None
) -> Iterator[tuple[Ints, Images]]:
    """Yield ids, int64 (m,), and images as from `ImageStore.read`, in the manifest's order; of all or of some ids."""
    images = ImageStore(folder, manifest)
    known = manifest["id"].to_numpy()
    rows = np.arange(len(known)) if ids is None else np.flatnonzero(np.isin(known, ids))
    for start in range(0, len(rows), batch_size):
        some = rows[start : start + batch_size]
        yield known[some], images.read(some)


def mirror(images: Images) -> Images:
    """Images as from `ImageStore.read`, mirrored left to right."""
    if isinstance(images, np.ndarray):
        return np.ascontiguousarray(images[:, :, ::-1])
    return [np.ascontiguousarray(image[:, ::-1]) for image in images]
