"""NUS-WIDE with all 81 concepts, as circulated with HashNet (Cao et al., 2017): lists and a folder of images."""

from pathlib import Path
from typing import TYPE_CHECKING

from l2h.datasets.image_list import ImageList
from l2h.datasets.lists import LabelledImage
from l2h.datasets.problems import Problems

if TYPE_CHECKING:
    from l2h.datasets.downloads import Sources

FOLDER = "nuswide_81_m"
IMAGES = f"{FOLDER}/images"
LISTS = {"query": f"{FOLDER}/test.txt", "train": f"{FOLDER}/train.txt", "database": f"{FOLDER}/database.txt"}
SIZES = {"query": 5000, "train": 10_000}


class Nuswide81M(ImageList):
    """Photographs from Flickr with several labels each, which the user must download.

    Parameters
    ----------
    sources : folders of the lists and the images: `nuswide_81_m` among the downloads, or in the mirror
    drop_unlabelled_queries : as in `ImageList`; one circulating list of queries has 1,131 of them
    """

    protocols = {"nuswide-81-m": None}
    licence = (
        "images: those of their Flickr authors; the collection: by the agreement form of the National University of "
        "Singapore, https://lms.comp.nus.edu.sg/wp-content/uploads/2019/research/nuswide/NUS-WIDE.html"
    )

    def __init__(self, sources: "Sources", *, drop_unlabelled_queries: bool = False):
        self.found = {path: sources.find(path) for path in (*LISTS.values(), IMAGES)}
        root = str((self.found[IMAGES] or Path(IMAGES)).parent)
        query, train, database = (str(self.found[path] or path) for path in LISTS.values())
        super().__init__(
            sources,
            root=root,
            query=query,
            train=train,
            database=database,
            drop_unlabelled_queries=drop_unlabelled_queries,
        )
        self.protocols = type(self).protocols

    def missing(self) -> str | None:
        """Say which lists or images are missing, and where to download them."""
        absent = [path for path, place in self.found.items() if place is None]
        if not absent:
            return None
        return (
            "download nus_wide.tar.gz (its address is in the README of github.com/thuml/HashNet), unpack it, and place "
            f"{', '.join(absent)} (lists may be gzipped) below {self.sources.folder}, or below the folder of "
            "dataset_mirror"
        )

    def _find(self, problems: Problems) -> list[LabelledImage]:
        found = super()._find(problems)
        for role, size in SIZES.items():
            listed = sum(role in one.roles for one in found)
            if listed != size:
                problems.add(f"lists without the {size:,} {role} images of nuswide-81-m", f"{listed:,}")
        return found
