"""What every data set does: deliver images and labels, and name its protocols."""

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
    """A set of labelled images. Whatever a constructor takes beside `sources` is the config's to set, as `params`.

    Parameters
    ----------
    sources : where its files come from

    Attributes
    ----------
    images : False for a dataset of vectors that another model made: it has features, and no image
    relevance : what is relevant to a query: by "labels", by "groups", which are its labels, or by "neighbours"
    neighbours : where relevance is by neighbours, how many of them, "k", by which "distance"
    protocols : how its images may be dealt out, by protocol id, the first by default; None where lists name the roles
    any_protocol : whether other data sets' protocols, and a config's own, may deal it out too
    classes : what its labels are called, in their order, where numbers do not say it
    flips : whether a mirrored image keeps its labels, as most pictures do and digits do not
    licence : of images and labels, with its source; a release states it
    notes : what `prepare` left out or converted; the manifest keeps it, and the check and the report show it
    seen : bytes, modification time in nanoseconds and sha256 of files that `prepare` has read, by path
    thumbnails : of the images that `prepare` has read, see `l2h.datasets.grey_thumbnails`, in the order of their ids;
        None where it kept none, so that they are made from the image store
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
        """What the user must still get by hand, and where to put it, as one line; None if nothing. Reads no data."""
        return None

    def made_of(self) -> Iterable[str | Path]:
        """The user's files that it reads, or folders of them: if one changes, the data set is made again.

        Called whenever a run is planned, so it reads no data. What is downloaded is checked by its sha256, and no part.
        """
        return ()

    def known_labels(self) -> Sequence[Sequence[int]] | None:
        """The labels of each image, where they are known without reading one; None if they are not.

        Called when a run is planned, to refuse a protocol that takes more images of a class than there are.
        """
        return None

    @abstractmethod
    def prepare(self, store: Path, manifest_path: Path) -> None:
        """Write images and manifest; ids are row numbers.

        Parameters
        ----------
        store : the folder of the image store, see `l2h.datasets.images.ImageStore`; without images, the features' file
        """


class ArrayDataset(Dataset):
    """A data set whose images have one size and fit in memory."""

    @abstractmethod
    def load(self) -> tuple[NDArray[np.uint8], Sequence[Sequence[int]]]:
        """Return the images, uint8 (n, height, width) grey or (n, height, width, 3) RGB, and each one's labels."""

    def roles(self) -> Sequence[Sequence[Role]] | None:
        """The roles of each image in a split of the dataset's own, whose protocol is None; None if it has no such."""
        return None

    def prepare(self, store: Path, manifest_path: Path) -> None:
        """Write the images as one array; image_sha256 is of a row's bytes."""
        images, labels = self.load()
        if images.dtype != np.uint8 or images.ndim not in (3, 4) or images.shape[3:] not in ((), (3,)):
            raise L2HError(
                f"{type(self).__name__}.load gives {images.dtype} {images.shape}; uint8 (n, h, w[, 3]) expected"
            )
        if len(labels) != len(images):
            raise L2HError(f"{type(self).__name__}.load gives {len(images)} images, but labels of {len(labels)}")
        for row, some in enumerate(labels):
            if len(set(some)) < len(some) or min(some, default=0) < 0:
                raise L2HError(
                    f"{type(self).__name__}.load gives image {row} the labels {some}; each once, from 0, expected"
                )
        hashes = [hashlib.sha256(image.tobytes()).digest() for image in images]
        locations = [f"{ARRAY}[{row}]" for row in range(len(images))]
        with atomic(store) as part:
            part.mkdir()
            np.save(part / ARRAY, images)
            write_manifest(manifest_path, hashes, labels, locations, self.roles(), self.classes, self.notes)
        self.thumbnails = map(thumbnail, images)
