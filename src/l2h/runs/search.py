"""Search a run's database for the images whose codes are nearest to the code of a new image."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l2h import hashing, job, paths
from l2h.backbones.weights import file_sha256
from l2h.codes import nearest
from l2h.datasets.images import ImageStore
from l2h.errors import L2HError, line
from l2h.hashing import FULL
from l2h.runs import Run
from l2h.runs.selection import OPTIONS, matching
from l2h.store.cells import CELL_KEY
from l2h.store.codes import read_codes
from l2h.store.features import narrowed
from l2h.store.manifests import read_classes, read_manifest
from l2h.store.models import read_model
from l2h.store.tables import CURE, read_metadata

Ints = NDArray[np.int64]
Images = Sequence[NDArray[np.uint8]]


def choose(run: Run, wanted: Mapping[str, Any]) -> "SearchIndex":
    """Select one cell of a run.

    Parameters
    ----------
    wanted : keys of OPTIONS, and seed (by default the smallest); None for any

    Raises
    ------
    L2HError
        no cell matches, or several do; the message lists the choices
    """
    cells = matching(run, wanted)
    for name, option in OPTIONS.items():
        there = sorted({cell[name] for cell in cells})
        if len(there) > 1:
            choice = ", ".join(map(str, there))
            raise L2HError(f"{run.folder} has several to search with; choose one with --{option}: {choice}")
    index = SearchIndex(run, run.facts, **min(cells, key=lambda cell: cell["seed"]))
    run.require(index.codes)
    return index


@dataclass(frozen=True)
class SearchIndex:
    """The codes of one method, code length and seed, with their model."""

    run: Run
    facts: dict[str, Any]
    dataset: str
    protocol: str
    backbone: str
    variant: str
    bits: int
    seed: int
    folder: Path

    @property
    def home(self) -> Path:
        """The folder of manifest and splits."""
        return self.run.home(self.dataset)

    @property
    def codes(self) -> Path:
        """The codes of all images."""
        return self.run.file(paths.CODES, vars(self))

    @property
    def model(self) -> Path:
        """The model's folder, in the results or in the unpacked bundle."""
        return self.run.model(vars(self))

    @cached_property
    def images(self) -> tuple[Any, ImageStore]:
        """The dataset's manifest and images."""
        path = self.home / paths.MANIFEST
        self.run.require(path)
        manifest = read_manifest(path)
        return manifest, ImageStore(self.run.root / paths.DATASET.format(dataset=self.dataset) / paths.IMAGES, manifest)

    def encode(self, images: Images) -> NDArray[np.uint8]:
        """Packed codes, uint8 (n, bytes), of images, uint8 (h, w[, 3]), computed as in the run.

        Computes on the CPU, even if the run did not.

        Raises
        ------
        L2HError
            model or weights are missing, or have changed since the run
        """
        method = read_metadata(self.codes, *CELL_KEY)
        if method["scope"] == "external":
            raise L2HError(f"{self.variant} has external codes: no model can encode an image")
        if self.backbone == paths.EMBEDDINGS:
            raise L2HError(
                f"{self.dataset} has embeddings: there is no network to encode an image with; "
                f"l2h.hashing.load({str(self.model)!r}) encodes vectors"
            )
        self.run.require(self.model)
        job.limit_threads(self.facts["settings"]["threads"]["features"])  # they affect the last digits
        import torch

        processor = torch.device("cpu")
        batches = [(np.arange(len(images)), images)]
        if method["scope"] == FULL:
            from l2h.hashing.deep import network

            return np.concatenate([codes for _, codes in network.load(self.model).encode(batches, processor)])
        hasher = hashing.load(self.model)
        try:
            made_of = read_model(self.model)[0]["data"]["features"]
            extractor = self._extractor(made_of, processor)
        except L2HError:
            raise
        except (KeyError, TypeError, ValueError) as error:
            raise L2HError(f"{self.model} does not record its features ({line(error)}); {CURE}") from error
        stored = (narrowed(ids, features, made_of["dtype"], "the query") for ids, features in extractor(batches))
        return np.concatenate([hasher.transform(features.astype(np.float32)) for features in stored])

    def search(self, code: NDArray[np.uint8], k: int) -> tuple[list[dict[str, Any]], int]:
        """Rank the database by the Hamming distance to a code.

        Returns
        -------
        the k nearest images, each with rank, distance, id, labels, location, and classes (names of the labels, if the
        dataset has any); and the number of further images at the last distance
        """
        ids = self.run.split(vars(self)).ids("database")
        found, distances = nearest(code, read_codes(self.codes, ids), ids, k)
        manifest, images = self.images
        rows = manifest.select(["id", "labels", "location"]).take(images.rows_of(ids[found])).to_pylist()
        names = dict(enumerate(read_classes(self.home / paths.MANIFEST)))
        of_found = distances[found]
        entries = [
            {
                "rank": rank,
                "distance": distance,
                **row,
                "classes": [names[label] for label in row["labels"] if label in names],
            }
            for rank, (distance, row) in enumerate(zip(of_found.tolist(), rows, strict=True), start=1)
        ]
        last = of_found[-1]
        return entries, int((distances == last).sum() - (of_found == last).sum())

    def read_images(self, ids: Ints) -> list[NDArray[np.uint8]]:
        """The images with these ids, int64 (m,), uint8 (h, w[, 3]) each."""
        _, images = self.images
        self.run.require(images.folder)
        return list(images.read(images.rows_of(ids)))

    def _extractor(self, made_of: Mapping[str, str], processor: Any) -> Any:
        """An extractor of the model's features; raises L2HError if the weights have changed."""
        from l2h.backbones.extraction import Extractor, entry_of

        name = self.facts["weights"].get(self.backbone, "")
        path = self.run.root / name
        cure = "restore the file that the run used"
        if name.startswith("resources/"):
            cure += f", or delete it and create it again: {self.run.making(path)}"
        if not path.is_file():
            raise L2HError(f"{path}, the weights of {self.backbone}, does not exist; {cure}")
        if file_sha256(path) != made_of["weights_sha256"]:
            raise L2HError(
                f"{path} differs from the weights that {self.variant} was trained with, whose sha256 begins with "
                f"{made_of['weights_sha256'][:12]}; {cure}"
            )
        extractor = Extractor(entry_of(made_of), path, processor)
        if extractor.metadata["preprocessing"] != made_of["preprocessing"]:
            raise L2HError(
                f"this version of l2h preprocesses images for {self.backbone} differently; run {self.run.folder} again"
            )
        return extractor
