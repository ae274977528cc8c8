"""Base classes of datasets: they deliver images and labels, and name their protocols."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from l2h.datasets.grey_thumbnails import thumbnail
from l2h.datasets.images import ARRAY
from l2h.errors import L2HError
from l2h.notes import Note
from l2h.splits import Protocol, Relevance, Role
from l2h.store.files import atomic
from l2h.store.manifests import write_manifest
from l2h.store.thumbnails import Thumbnails

if TYPE_CHECKING:
    from l2h.datasets.downloads import Sources


class Dataset(ABC):
    """A set of labelled images; `params` in a config sets the constructor's arguments except `sources`.

    Parameters
    ----------
    sources : where the files come from

    Attributes
    ----------
    images : False for a dataset of vectors from another model, which has features but no images
    relevance : how relevance to a query is defined: by "labels", by "groups" (used as labels) or by "neighbours"
    neighbours : for relevance by neighbours, their number "k" and "distance"
    protocols : rules that split the images, by protocol id, the default first; None if lists give the roles
    any_protocol : whether protocols of other datasets or of the config may also split it
    classes : names of the labels, in their order, if they are not plain numbers
    flips : whether a mirrored image keeps its labels, which is true of most images but not of digits
    licence : of images and labels, with its source; a release states it
    notes : what `prepare` left out or converted, for the manifest, the split check and the report
    seen : bytes, modification time in nanoseconds and sha256 of the files that `prepare` read, by path
    thumbnails : of the images that `prepare` read, in the order of their ids, see `l2h.datasets.grey_thumbnails`; if
        None, they are made from the image store
    """

    images: ClassVar[bool] = True
    relevance: Relevance = "labels"
    neighbours: Mapping[str, Any] | None = None
    protocols: Mapping[str, Protocol | None]
    any_protocol: bool = False
    classes: Sequence[str] = ()
    flips: bool = True
    licence: ClassVar[str] = "as stated by its owner"
    notes: Sequence[Note] = ()
    seen: Mapping[str, tuple[int, int, bytes]] = {}
    thumbnails: Iterable[Thumbnails] | None = None

    def __init__(self, sources: "Sources"):
        self.sources = sources

    def missing(self) -> str | None:
        """Files that the user must download, and where to put them, as one line; else None. Reads no data."""
        return None

    def made_of(self) -> Iterable[str | Path]:
        """The user's own files or folders that the dataset reads: if one changes, the dataset is prepared again.

        Called whenever a run is planned, so it reads no data. Downloads are not listed: their sha256 is checked.
        """
        return ()

    def known_labels(self) -> Sequence[Sequence[int]] | None:
        """The labels of each image, if they are known without reading images; else None.

        Called when a run is planned, to refuse a protocol that needs more images of a class than there are.
        """
        return None

    @abstractmethod
    def prepare(self, store: Path, manifest_path: Path) -> None:
        """Write images and manifest; ids are row numbers.

        Parameters
        ----------
        store : folder of the image store, see `l2h.datasets.images.ImageStore`; without images, the features file
        """


class ArrayDataset(Dataset):
    """A dataset whose images have one size and fit in memory."""

    @abstractmethod
    def load(self) -> tuple[NDArray[np.uint8], Sequence[Sequence[int]]]:
        """Return the images, uint8 (n, height, width) grey or (n, height, width, 3) RGB, and the labels of each."""

    def roles(self) -> Sequence[Sequence[Role]] | None:
        """The roles of each image in the official split, whose protocol is None; None if there is no such split."""
        return None

    def prepare(self, store: Path, manifest_path: Path) -> None:
        """Write the images as one array; image_sha256 is the sha256 of a row's bytes."""
        images, labels = self.load()
        if images.dtype != np.uint8 or images.ndim not in (3, 4) or images.shape[3:] not in ((), (3,)):
            raise L2HError(
                f"{type(self).__name__}.load returned {images.dtype} {images.shape}; uint8 (n, h, w[, 3]) expected"
            )
        if len(labels) != len(images):
            raise L2HError(f"{type(self).__name__}.load returned {len(images)} images, but labels of {len(labels)}")
        for row, some in enumerate(labels):
            if len(set(some)) < len(some) or min(some, default=0) < 0:
                raise L2HError(
                    f"{type(self).__name__}.load returned labels {some} for image {row}; expected distinct ones from 0"
                )
        hashes = [hashlib.sha256(image.tobytes()).digest() for image in images]
        locations = [f"{ARRAY}[{row}]" for row in range(len(images))]
        with atomic(store) as part:
            part.mkdir()
            np.save(part / ARRAY, images)
            write_manifest(manifest_path, hashes, labels, locations, self.roles(), self.classes, self.notes)
        self.thumbnails = map(thumbnail, images)
