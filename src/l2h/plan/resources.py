"""Memory and time that jobs request from a cluster, computed from the sizes of their input.

The formulas give 1.5 to 4 times the measured peaks (`max_rss` in benchmark files), and several times the measured times
(`s`, on two shared cores). For CIFAR-10 (60,000 images, 5,000 to train on, mirrored too):
train of a deep method 2,350 MB and 19 minutes with features of 9,216 values, 1,130 MB with 1,280; train of itq or sh
640 MB; encode 280 MB and 47 s; rank 320 MB; evaluate 240 MB; check_split 220 MB; audit of 24 models 1,010 MB and 5
minutes; features 1,220 MB and 40 minutes; costs 2,410 MB. Of the quickstart: features by all of AlexNet 1,270 MB.
Measured separately: the split's table of 10^6 images 730 MB; evaluate of 10,000 queries at 256 bits 670 MB. Scope full
was not measured at that size. On a cluster, each job also runs two processes of Snakemake, of 280 MB each. A job that
is killed requests more at the next attempt.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from os import stat

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from l2h.evaluation.costs import FLOAT_VALUES


@dataclass(frozen=True)
class Sizes:
    """Sizes of a job's input; 0 if unknown.

    Attributes
    ----------
    images, width : number of images, and of features per image
    query, train, database : number of images with the role; train counts twice if images are mirrored
    weights : megabytes of a network's weights
    bits : of the job's longest code
    all_bits : sum over all its codes
    cells : of the comparison that the job reads
    """

    images: int = 0
    width: int = 0
    query: int = 0
    train: int = 0
    database: int = 0
    weights: float = 0
    bits: int = 0
    all_bits: int = 0
    cells: int = 0

    @property
    def split(self) -> float:
        """Megabytes of the split's table, which the checks convert to Python objects."""
        return (self.query + self.train + self.database) * 0.0015

    @property
    def trained_on(self) -> float:
        """Megabytes of the training images' features."""
        return self.train * self.width * 4e-6


MEGABYTES: Mapping[str, Callable[[Sizes], float]] = {
    "dataset": lambda of: 2000,
    "embeddings": lambda of: 2000,
    "weights": lambda of: 4000,
    "split": lambda of: 1000 + of.images * 0.005 + (of.width > 0) * 1000,
    "check_split": lambda of: 1000 + of.split + of.images * 0.003,
    "features": lambda of: 2000 + of.weights * 3,
    "train": lambda of: 2000 + of.split + of.trained_on * 5,
    "finetune": lambda of: 8000 + of.split + of.weights * 8,
    "encode": lambda of: 1000 + of.width * 0.05,
    "encode_images": lambda of: 4000,
    "external_codes": lambda of: 1000 + of.images * of.bits * 1e-6,
    "rank": lambda of: 1000 + of.split + of.database * (of.bits + 128) * 4e-7,
    "rank_by_scores": lambda of: 1500 + of.split + of.query * (of.width * 12 + of.database) * 1e-6,
    "add_shards": lambda of: 1000,
    "evaluate": lambda of: 1000 + of.split + of.query * of.bits * 0.0004 + of.database * of.bits * 4e-7,
    "audit": lambda of: 1500 + of.split + of.images * of.all_bits * 8e-6 + of.database * 0.01,
    "costs": lambda of: (
        2000 + of.split + of.weights * 3 + min(of.database * of.width, FLOAT_VALUES) * 8e-6 + of.all_bits * 0.3
    ),
    "gallery": lambda of: 1500 + of.split + of.images * 0.001,
    "compare": lambda of: 1000 + of.cells * 10,
    "report": lambda of: 2000 + of.cells * 10,
    "unpack": lambda of: 4000,
    "bundle": lambda of: 2000,
}

MINUTES: Mapping[str, Callable[[Sizes], float]] = {
    "dataset": lambda of: 120,
    "embeddings": lambda of: 60,
    "weights": lambda of: 60,
    "split": lambda of: 10 + of.images * 1e-5 + of.images * of.width * 1e-6,
    "check_split": lambda of: 30 + of.query * of.database * 1e-7,
    "features": lambda of: 30 + of.images * 0.01,  # of a network twenty times as large as AlexNet's convolutions
    "train": lambda of: 10 + of.trained_on / 12 + of.images * of.width * 2e-8,
    "finetune": lambda of: 1440,  # an interrupted job resumes from its checkpoint
    "encode": lambda of: 3 + of.images * of.width * 2e-8,
    "encode_images": lambda of: 30 + of.images * 0.01,
    "external_codes": lambda of: 3,
    "rank": lambda of: 3 + of.cells * of.query * of.database * 1e-9,
    "rank_by_scores": lambda of: 5 + of.cells * of.query * of.database * 1e-7,
    "add_shards": lambda of: 3,
    "evaluate": lambda of: 3 + of.query * of.all_bits * 1e-5,
    "audit": lambda of: 20 + of.database * of.all_bits * 5e-7,
    "costs": lambda of: 60 + of.all_bits * 0.05,
    "gallery": lambda of: 30,
    "compare": lambda of: 10 + of.cells * 0.05,
    "report": lambda of: 10 + of.cells * 0.05,
    "unpack": lambda of: 120,
    "bundle": lambda of: 120,
}


def megabytes(rule: str, of: Sizes, attempt: int) -> int:
    """Memory that a job requests, doubled with each attempt."""
    return round(MEGABYTES[rule](of)) * 2 ** (attempt - 1)


def minutes(rule: str, of: Sizes, attempt: int) -> int:
    """Time that a job requests, longer with each attempt."""
    return round(MINUTES[rule](of)) * attempt


def sizes(files: Mapping[str, str], lengths: Sequence[int] = ()) -> Sizes:
    """Sizes from a job's files, given by their names in the rule.

    Unreadable files are ignored: the job itself will report the error.

    Parameters
    ----------
    files : any of `manifest`, `split`, `features`, `mirrored`, `weights`; others are not looked at
    lengths : the code lengths of the cells that the job reads

    Raises
    ------
    FileNotFoundError
        a file does not exist yet
    """
    changed = {name: stat(path).st_mtime_ns for name, path in files.items() if name in _READ}
    tables = {name: _read(name, files[name], when) for name, when in changed.items()}
    rows = tables.get("split", {})
    return Sizes(
        images=tables.get("features", tables.get("manifest", {})).get("images", 0),
        width=tables.get("features", {}).get("width", 0),
        query=rows.get("query", 0),
        train=rows.get("train", 0) * (2 if "mirrored" in files else 1),
        database=rows.get("database", 0),
        weights=stat(files["weights"]).st_size / 1e6 if "weights" in files else 0,
        bits=max(lengths, default=0),
        all_bits=sum(lengths),
        cells=len(lengths),
    )


_READ = ("manifest", "split", "features")


@lru_cache
def _read(name: str, path: str, changed: int) -> dict[str, int]:
    """Sizes by name, from a table with this modification time in nanoseconds."""
    try:
        with pq.ParquetFile(path) as file:
            if name == "split":
                return {
                    row["values"]: row["counts"] for row in pc.value_counts(file.read(["role"])["role"]).to_pylist()
                }
            schema = file.schema_arrow
            width = schema.field("feature").type.list_size if name == "features" else 0
            return {"images": file.metadata.num_rows, "width": width}
    except (pa.ArrowException, OSError, KeyError, AttributeError):
        return {}
