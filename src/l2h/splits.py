"""Who is a query, who is trained on, who is searched: protocols, splits, and the check for leaks."""

import hashlib
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from l2h.errors import L2HError
from l2h.ids import find

Ints = NDArray[np.int64]
Role = Literal["query", "train", "database"]


class SplitError(L2HError):
    """A split that would flatter or break the results; the message names image ids."""


@dataclass(frozen=True)
class Protocol:
    """A rule that deals a data set's images out to the roles.

    Attributes
    ----------
    query, train : how many images; of each class, if `per_class`
    per_class : deal class by class (single-label data only), else from all images alike
    train_in_database : most published protocols leave the training images in the database
    """

    query: int
    train: int
    per_class: bool
    train_in_database: bool = True


@dataclass(frozen=True)
class Split:
    """A table of (id, role, image_sha256, labels): one row for each role that an image plays.

    Attributes
    ----------
    table : columns id int64, role string, image_sha256 binary[32], labels list<int16>; an image that is trained on
        and searched has two rows
    protocol : the protocol's id
    seed : what dealt the roles out
    """

    table: pa.Table = field(repr=False)
    protocol: str
    seed: int

    @cached_property
    def sha256(self) -> str:
        """Digest of protocol, seed and rows, independent of any file format."""
        digest = hashlib.sha256(f"{self.protocol} {self.seed}\n".encode())
        for row in self.table.sort_by([("role", "ascending"), ("id", "ascending")]).to_pylist():
            labels = " ".join(map(str, row["labels"]))
            digest.update(f"{row['id']} {row['role']} {row['image_sha256'].hex()} {labels}\n".encode())
        return digest.hexdigest()

    def ids(self, role: Role) -> Ints:
        """Ids of the images with this role, int64 (n,), ascending."""
        return np.sort(self.table.filter(pc.field("role") == role)["id"].to_numpy())

    def labels(self, ids: Ints) -> NDArray:
        """Labels of these images: int64 (n,) classes, or bool (n, c) where any image of the split has not just one."""
        rows, found = find(ids, self.table["id"].to_numpy())
        if not found.all():
            raise SplitError(f"ids {ids[~found][:5].tolist()} are not part of the split {self.protocol}")
        return self._labels[rows]

    @cached_property
    def _labels(self) -> NDArray:
        labels = self.table["labels"].combine_chunks()
        flat = labels.flatten().to_numpy().astype(np.int64)
        if pc.all(pc.equal(pc.list_value_length(labels), 1)).as_py():
            return flat
        multi_hot = np.zeros((len(labels), flat.max(initial=0) + 1), dtype=bool)
        multi_hot[pc.list_parent_indices(labels).to_numpy(), flat] = True
        return multi_hot


def make_split(manifest: pa.Table, name: str, protocol: Protocol, seed: int) -> Split:
    """Deal the images of a manifest out by a protocol.

    Only images with a label, and whose bytes occur once, can be queries: a query without a label finds nothing, and
    one with a twin in the database finds itself.

    Parameters
    ----------
    manifest : table of id, image_sha256, labels, location
    name : the protocol's id
    seed : moves the split, and nothing else

    Raises
    ------
    SplitError
        the data has too few images for the protocol, or its result fails `check`
    """
    rng = np.random.default_rng(seed)
    hashes = manifest["image_sha256"].combine_chunks().dictionary_encode()
    codes = hashes.indices.to_numpy()
    labelled = pc.list_value_length(manifest["labels"].combine_chunks()).to_numpy() > 0
    eligible = labelled & (np.bincount(codes)[codes] == 1)
    roles: dict[str, list[NDArray]] = {"query": [], "train": [], "database": []}
    for group in _groups(manifest, protocol, name):
        order = rng.permutation(group)
        query = order[eligible[order]][: protocol.query]
        rest = order[~np.isin(order, query)]
        if len(query) < protocol.query or len(rest) < protocol.train:
            raise SplitError(
                f"protocol {name} takes {protocol.query} queries and {protocol.train} training images"
                f"{' of each class' if protocol.per_class else ''}, but only {len(order)} are there to deal out"
            )
        roles["query"].append(query)
        roles["train"].append(rest[: protocol.train])
        roles["database"].append(rest[0 if protocol.train_in_database else protocol.train :])
    columns = manifest.select(["id", "image_sha256", "labels"])
    parts = []
    for role, rows in roles.items():
        part = columns.take(pa.array(np.sort(np.concatenate(rows))))
        parts.append(part.add_column(1, "role", pa.array([role] * len(part), pa.string())))
    split = Split(pa.concat_tables(parts).combine_chunks(), name, seed)
    check(split)
    return split


def check(split: Split) -> None:
    """Raise SplitError, naming ids, unless the split is fit to measure with.

    Refused: an image of train or database that is a query by id or by bytes; a query without a label; an image that
    has one role twice, or no query, no training image or no database at all.
    """
    parts = {role: split.table.filter(pc.field("role") == role) for role in ("query", "train", "database")}
    if sum(map(len, parts.values())) != len(split.table):
        raise SplitError(f"split {split.protocol}: roles are query, train and database, got others too")
    for role, part in parts.items():
        if not len(part):
            raise SplitError(f"split {split.protocol} has no image with the role {role}")
        counts = part["id"].value_counts()
        repeated = [row["values"].as_py() for row in counts if row["counts"].as_py() > 1]
        if repeated:
            raise SplitError(f"split {split.protocol}: {role} holds {_some('id', repeated)} more than once")
    query = parts["query"]
    unlabelled = query.filter(pc.equal(pc.list_value_length(query["labels"]), 0))["id"].to_pylist()
    if unlabelled:
        raise SplitError(f"split {split.protocol}: {_some('query', unlabelled)} without a label")
    for role in ("train", "database"):
        part = parts[role]
        shared = part.filter(pc.is_in(part["id"], value_set=query["id"]))["id"].to_pylist()
        if shared:
            raise SplitError(f"split {split.protocol}: {role} holds {_some('query', shared)}")
        twins = part.filter(pc.is_in(part["image_sha256"], value_set=query["image_sha256"]))
        if len(twins):
            owner = dict(zip(query["image_sha256"].to_pylist(), query["id"].to_pylist(), strict=True))
            pairs = [f"{row['id']} = query {owner[row['image_sha256']]}" for row in twins.to_pylist()]
            raise SplitError(
                f"split {split.protocol}: {role} holds byte-identical copies of queries, {_some('id', pairs)}"
            )


def _groups(manifest: pa.Table, protocol: Protocol, name: str) -> list[NDArray]:
    """Row numbers that are dealt out together: a class each, or all images."""
    if not protocol.per_class:
        return [np.arange(len(manifest))]
    labels = manifest["labels"].combine_chunks()
    counts = pc.list_value_length(labels).to_numpy()
    if (counts != 1).any():
        bad = manifest["id"].to_numpy()[counts != 1].tolist()
        raise SplitError(f"protocol {name} deals class by class, but {_some('id', bad)} with no or several labels")
    flat = labels.flatten().to_numpy()
    return [np.flatnonzero(flat == label) for label in np.unique(flat)]


def _some(what: str, values: list) -> str:
    """The first few of many, in words."""
    more = f" and {len(values) - 5} more" if len(values) > 5 else ""
    return f"{what} {', '.join(map(str, values[:5]))}{more}"
