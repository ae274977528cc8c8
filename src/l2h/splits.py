"""Protocols, splits (queries, training set, database), and the check for leaks."""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from l2h.errors import L2HError
from l2h.ids import find
from l2h.notes import SHOWN, Note

Ints = NDArray[np.int64]
Role = Literal["query", "train", "database"]
# What is relevant to a query: items with a common label, items of its group (views of one object), or its neighbours.
Relevance = Literal["labels", "groups", "neighbours"]
NAMED = 5  # maximum number of items listed in a message
HASHED_ROWS = 1 << 16  # rows hashed at a time, to limit memory
ROLES: tuple[Role, ...] = ("query", "train", "database")
SEARCHED = {False: "database", True: "database without the training images"}  # by `unseen`


class SplitError(L2HError):
    """A split that would inflate or invalidate results; the message names image ids."""


@dataclass(frozen=True)
class Protocol:
    """A rule that assigns roles to a dataset's images.

    Attributes
    ----------
    query, train : number of images, or their share if below 1; per class if `per_class`
    per_class : draw from each class (single-label data only), else from all images
    train_in_database : most published protocols leave the training images in the database
    """

    query: int | float
    train: int | float
    per_class: bool = False
    train_in_database: bool = True

    def __post_init__(self) -> None:
        for name in ("query", "train"):
            value = getattr(self, name)
            if not (0 < value < 1 or (value >= 1 and value % 1 == 0)):
                raise SplitError(f"{name} must be a positive integer, or a share between 0 and 1, got {value!r}")


@dataclass(frozen=True)
class Split:
    """A table of (id, role, image_sha256, labels): one row for each role of an image.

    Attributes
    ----------
    table : columns id int64, role string, image_sha256 binary[32], labels list<int32>; an image in both train
        and database has two rows
    protocol : the protocol's id
    seed : seed of the split
    neighbours : 0 if relevance is defined by labels; else the number of nearest neighbours in the database that are
        relevant to a query. A query's label is then its own id, and an item's labels are the ids of those queries
    """

    table: pa.Table = field(repr=False)
    protocol: str
    seed: int
    neighbours: int = 0

    @cached_property
    def sha256(self) -> str:
        """Digest of protocol, seed, number of neighbours and rows, independent of any file format."""
        near = f" {self.neighbours} neighbours" if self.neighbours else ""
        digest = hashlib.sha256(f"{self.protocol} {self.seed}{near}\n".encode())
        ordered = self.table.sort_by([("role", "ascending"), ("id", "ascending")])
        for batch in ordered.to_batches(max_chunksize=HASHED_ROWS):
            digest.update(_lines(batch))
        return digest.hexdigest()

    def ids(self, role: Role) -> Ints:
        """Ids of the images with this role, int64 (n,), ascending."""
        return np.sort(self.table.filter(pc.field("role") == role)["id"].to_numpy())

    def labels(self, ids: Ints) -> NDArray:
        """Labels of these images: int64 (n,) classes, or bool (n, c) unless every image of the split has one label.

        The c columns are the labels that occur in the split, in ascending order.
        """
        return self._labels[self._rows(ids)]

    def targets(self, ids: Ints) -> NDArray | None:
        """The labels to learn from, as from `labels`; None if relevance is defined by neighbours."""
        return None if self.neighbours else self.labels(ids)

    def relevance(self, queries: Ints, database: Ints) -> Callable[[int], NDArray[np.bool_]]:
        """A function that returns which items of the database, bool (N,), are relevant to the query at an index.

        Parameters
        ----------
        queries, database : ids int64 (Q,) and (N,)
        """
        if self.neighbours:
            rows = self.neighbour_rows(queries, database)

            def near(place: int) -> NDArray[np.bool_]:
                found = np.zeros(len(database), dtype=bool)
                found[rows[place]] = True
                return found

            return near
        asked, there = self.labels(queries), self.labels(database)
        if there.ndim == 1:
            return lambda place: np.asarray(there == asked[place])
        return lambda place: np.asarray((there & asked[place]).any(axis=1))

    def neighbour_rows(self, queries: Ints, database: Ints) -> list[Ints]:
        """For each query the rows of the database that are its nearest neighbours, int64, ascending.

        Parameters
        ----------
        queries, database : ids int64 (Q,) and (N,), of a split whose relevance is defined by neighbours
        """
        rows, owners = self.flat_labels(database)
        order = np.argsort(owners, kind="stable")
        rows, owners = rows[order], owners[order]
        sides = [np.searchsorted(owners, queries, side) for side in ("left", "right")]
        return [rows[first:last] for first, last in zip(*sides, strict=True)]

    def label_lists(self, ids: Ints) -> list[list[int]]:
        """Labels of these images as lists of numbers, ascending."""
        return [sorted(labels) for labels in self.table["labels"].take(self._rows(ids)).to_pylist()]

    def flat_labels(self, ids: Ints) -> tuple[Ints, Ints]:
        """All labels of these images as two arrays, int64 (m,): the image's index in `ids`, and the label."""
        labels = self.table["labels"].combine_chunks().take(pa.array(self._rows(ids)))
        return pc.list_parent_indices(labels).to_numpy().astype(np.int64), labels.flatten().to_numpy().astype(np.int64)

    def images(self, ids: Ints) -> Ints:
        """A number for each of these images, int64 (n,), equal for images with identical bytes."""
        encoded = self.table["image_sha256"].combine_chunks().dictionary_encode()
        return encoded.indices.to_numpy().astype(np.int64)[self._rows(ids)]

    def _rows(self, ids: Ints) -> Ints:
        rows, found = find(ids, self.table["id"].to_numpy())
        if not found.all():
            raise SplitError(f"ids {ids[~found][:5].tolist()} are not part of the split {self.protocol}")
        return rows

    @cached_property
    def _labels(self) -> NDArray:
        labels = self.table["labels"].combine_chunks()
        flat = labels.flatten().to_numpy().astype(np.int64)
        if pc.all(pc.equal(pc.list_value_length(labels), 1)).as_py():
            return flat
        known, columns = np.unique(flat, return_inverse=True)
        multi_hot = np.zeros((len(labels), len(known)), dtype=bool)
        multi_hot[pc.list_parent_indices(labels).to_numpy(), columns] = True
        return multi_hot


def _lines(rows: pa.RecordBatch) -> pa.Buffer:
    """One line of text for each row: id, role, image_sha256 in hexadecimal and labels, separated by spaces."""
    n, hashes, labels = len(rows), rows["image_sha256"].cast(pa.binary(32)), rows["labels"]
    digits = hashes.buffers()[1][32 * hashes.offset : 32 * (hashes.offset + n)].hex().lower()
    hexadecimal = pa.FixedSizeBinaryArray.from_buffers(pa.binary(64), n, [None, pa.py_buffer(digits)])
    offsets = pc.subtract(labels.offsets, labels.offsets[0])
    words = pa.ListArray.from_arrays(offsets, labels.flatten().cast(pa.string()))
    columns = [rows["id"].cast(pa.string()), rows["role"], hexadecimal.cast(pa.string()), pc.binary_join(words, " ")]
    lines = pc.binary_join_element_wise(pc.binary_join_element_wise(*columns, " "), "\n", "")
    return pc.binary_join(pa.ListArray.from_arrays([0, n], lines), "")[0].as_buffer()


def make_split(
    manifest: pa.Table,
    name: str,
    protocol: Protocol | None,
    seed: int,
    classes: Sequence[str] = (),
    relevance: Relevance = "labels",
) -> Split:
    """Split the images of a manifest by a protocol, or use the roles from the dataset's own lists.

    Only images that have a label and whose bytes occur once are drawn as queries: nothing is relevant to a query
    without a label, and a query with a copy in the database finds itself. At most one image of a group is drawn, and
    only if others remain; training images are drawn first from groups without a query. Roles from lists are used
    unchanged; `check` validates the result.

    Parameters
    ----------
    manifest : table of id, image_sha256, labels, location, roles
    name : the protocol's id
    protocol : rule of the split; None for the roles of the lists
    seed : of the random split
    classes : names of the labels, for messages; by default numbers
    relevance : with "neighbours", queries need no label; `with_neighbours` adds the relevant items

    Raises
    ------
    SplitError
        the data has too few images for the protocol
    """
    rows_of = _listed(manifest) if protocol is None else _dealt(manifest, name, protocol, seed, classes, relevance)
    columns = manifest.select(["id", "image_sha256", "labels"])
    parts = []
    for role, rows in rows_of.items():
        part = columns.take(pa.array(np.sort(rows)))
        parts.append(part.add_column(1, "role", pa.array([role] * len(part), pa.string())))
    return Split(pa.concat_tables(parts).combine_chunks(), name, seed)


def with_neighbours(split: Split, neighbours: NDArray[np.int64]) -> Split:
    """The split, with the nearest neighbours of its queries as their relevant items.

    Parameters
    ----------
    neighbours : ids int64 (Q, k), of the database, for each of `split.ids("query")`
    """
    relevant_to = {query: [query] for query in split.ids("query").tolist()}
    for query, items in zip(split.ids("query").tolist(), neighbours.tolist(), strict=True):
        for item in items:
            relevant_to.setdefault(item, []).append(query)
    labels = pa.array([relevant_to.get(item, []) for item in split.table["id"].to_pylist()], pa.list_(pa.int32()))
    table = split.table.set_column(split.table.schema.get_field_index("labels"), "labels", labels)
    return Split(table, split.protocol, split.seed, neighbours.shape[1])


def require_enough(labels: Sequence[Sequence[int]], name: str, protocol: Protocol, classes: Sequence[str] = ()) -> None:
    """Raise SplitError, naming the classes, if `make_split` would find too few images with these labels.

    It may still find too few, because byte-identical copies, which cannot be queries, are not known yet.

    Parameters
    ----------
    labels : of each image
    name, protocol, classes : as for `make_split`
    """
    columns = {"id": pa.array(range(len(labels)), pa.int64()), "labels": pa.array(labels, pa.list_(pa.int32()))}
    table = pa.table(columns)
    _require_enough(_groups(table, protocol, name), _labelled(table), name, protocol, classes)


def _listed(manifest: pa.Table) -> dict[str, NDArray]:
    """Row numbers of each role, from the manifest."""
    roles = manifest["roles"].combine_chunks()
    rows, names = pc.list_parent_indices(roles), roles.flatten()
    return {role: rows.filter(pc.equal(names, role)).to_numpy() for role in ROLES}


def _dealt(
    manifest: pa.Table,
    name: str,
    protocol: Protocol,
    seed: int,
    classes: Sequence[str],
    relevance: Relevance,
) -> dict[str, NDArray]:
    """Row numbers of each role, drawn at random."""
    rng = np.random.default_rng(seed)
    hashes = manifest["image_sha256"].combine_chunks().dictionary_encode()
    codes = hashes.indices.to_numpy()
    eligible = np.bincount(codes)[codes] == 1
    if relevance != "neighbours":
        eligible &= _labelled(manifest)
    if relevance == "groups":
        eligible &= _one_of_each(manifest, rng.permutation(len(manifest)))
    groups = _groups(manifest, protocol, name)
    _require_enough(groups, eligible, name, protocol, classes)
    roles: dict[str, list[NDArray]] = {role: [] for role in ROLES}
    for group in groups.values():
        queries, trained = _numbers(protocol, len(group))
        order = rng.permutation(group)
        query = order[eligible[order]][:queries]
        rest = order[~np.isin(order, query)]
        if relevance == "groups":
            rest = rest[np.argsort(_shares_label(manifest, query)[rest], kind="stable")]
        roles["query"].append(query)
        roles["train"].append(rest[:trained])
        roles["database"].append(rest[0 if protocol.train_in_database else trained :])
    return {role: np.concatenate(parts) for role, parts in roles.items()}


def _one_of_each(manifest: pa.Table, order: NDArray) -> NDArray[np.bool_]:
    """Whether an item is the first, in this order, with a label shared by others; items have at most one label."""
    labels = manifest["labels"].combine_chunks()
    rows, flat = pc.list_parent_indices(labels).to_numpy(), labels.flatten().to_numpy()
    found = np.zeros(len(manifest), dtype=bool)
    place = np.empty(len(manifest), dtype=np.int64)
    place[order] = np.arange(len(order))
    first = np.lexsort((place[rows], flat))
    _, starts, counts = np.unique(flat[first], return_index=True, return_counts=True)
    found[rows[first[starts[counts > 1]]]] = True
    return found


def _shares_label(manifest: pa.Table, rows: NDArray) -> NDArray[np.bool_]:
    """Whether an item has a label that one of these rows has."""
    labels = manifest["labels"].combine_chunks()
    owners, flat = pc.list_parent_indices(labels).to_numpy(), labels.flatten().to_numpy()
    found = np.zeros(len(manifest), dtype=bool)
    found[owners[np.isin(flat, flat[np.isin(owners, rows)])]] = True
    return found


def _require_enough(
    groups: Mapping[int | None, NDArray], eligible: NDArray, name: str, protocol: Protocol, classes: Sequence[str]
) -> None:
    """Raise SplitError, naming the groups, unless each has enough images for a protocol."""
    short = []
    for label, group in groups.items():
        queries, trained = _numbers(protocol, len(group))
        askable = int(eligible[group].sum())
        who = "the dataset" if label is None else f"class {classes[label] if label < len(classes) else label}"
        if len(group) < queries + trained:
            wanted = f"{queries + trained:,} needed (query {queries:,}, train {trained:,})"
            short.append(f"{who} has {len(group):,} of the {wanted}")
        elif askable < queries:
            wanted = f"{queries:,} queries needed (with a label, and without a byte-identical copy)"
            short.append(f"{who} has {askable:,} of the {wanted}")
    if short:
        more = f"; and {len(short) - NAMED} more classes" if len(short) > NAMED else ""
        raise SplitError(
            f"protocol {name} cannot be drawn: {'; '.join(short[:NAMED])}{more}; add data, or choose a protocol that "
            "needs less"
        )


def _numbers(protocol: Protocol, n: int) -> tuple[int, int]:
    """Number of queries and training images that a protocol takes from n images; a share gives at least one."""

    def number(amount: int | float) -> int:
        return int(amount) if amount >= 1 else max(1, round(amount * n))

    return number(protocol.query), number(protocol.train)


def _labelled(table: pa.Table) -> NDArray[np.bool_]:
    return pc.list_value_length(table["labels"].combine_chunks()).to_numpy() > 0


def lone_queries(split: Split, *, unseen: bool = False) -> Ints:
    """Ids of the queries that share no label with any image of the database, int64 (n,), ascending.

    Nothing is relevant to them, so they score 0 for every method.

    Parameters
    ----------
    unseen : use the database without the training images instead; if that is empty, no query is returned
    """
    queries, searched = split.ids("query"), split.ids("database")
    if unseen:
        searched = np.setdiff1d(searched, split.ids("train"))
    if not len(searched):
        return queries[:0]
    (rows, labels), (_, there) = split.flat_labels(queries), split.flat_labels(searched)
    return np.delete(queries, rows[np.isin(labels, there)])


def check(split: Split, locations: Mapping[int, str] | None = None, *, allow_lone_queries: bool = False) -> None:
    """Raise SplitError, naming ids, unless the split is valid for evaluation.

    Errors are: an image of train or database with the id or the bytes of a query; a query without a label or, unless
    allowed, one without a relevant image in the database, or in the database without the training images; an image that
    has a role twice; a role without images. If relevance is defined by neighbours, all neighbours of a query may be
    training images.

    Parameters
    ----------
    locations : location of each id's image, for messages
    allow_lone_queries : accept the queries of `lone_queries`
    """

    def named(number: int) -> str:
        return f"{number} ({locations[number]})" if locations else str(number)

    parts = {role: split.table.filter(pc.field("role") == role) for role in ROLES}
    if sum(map(len, parts.values())) != len(split.table):
        raise SplitError(f"split {split.protocol}: roles are query, train and database, got others too")
    for role, part in parts.items():
        if not len(part):
            raise SplitError(f"split {split.protocol} has nothing with the role {role}")
        counts = part["id"].value_counts()
        repeated = counts.filter(pc.greater(counts.field("counts"), 1)).field("values").to_pylist()
        if repeated:
            raise SplitError(f"split {split.protocol}: {role} holds {_some('id', map(named, repeated))} more than once")
    query = parts["query"]
    unlabelled = query.filter(pc.equal(pc.list_value_length(query["labels"]), 0))["id"].to_pylist()
    if unlabelled:
        raise SplitError(f"split {split.protocol}: {_some('query', map(named, unlabelled))} without a label")
    for role in ("train", "database"):
        part = parts[role]
        shared = part.filter(pc.is_in(part["id"], value_set=query["id"]))["id"].to_pylist()
        if shared:
            raise SplitError(f"split {split.protocol}: {role} holds {_some('query', map(named, shared))}")
        twins = part.filter(pc.is_in(part["image_sha256"], value_set=query["image_sha256"]))
        if len(twins):
            owner = dict(zip(query["image_sha256"].to_pylist(), query["id"].to_pylist(), strict=True))
            pairs = (
                f"{named(row['id'])} = query {named(owner[row['image_sha256']])}"
                for row in twins.select(["id", "image_sha256"]).to_pylist()
            )
            raise SplitError(
                f"split {split.protocol}: {role} holds byte-identical copies of queries, {_some('id', pairs)}"
            )
    for unseen, where in () if allow_lone_queries or split.neighbours else SEARCHED.items():
        lone = lone_queries(split, unseen=unseen).tolist()
        if lone:
            raise SplitError(
                f"split {split.protocol}: {len(lone)} of {len(query)} queries share no label with anything in the "
                f"{where}, so they would score 0: {_some('query', map(named, lone))}; leave them out, add data of "
                "their classes, or accept them with allow_lone_queries: true beside the dataset's name"
            )


def notes(split: Split, manifest: pa.Table | None = None) -> list[Note]:
    """Count byte-identical images that `check` accepts: queries, other images, and images with different labels.

    Kinds that do not occur are left out. Each example is a pair of identical images.

    Parameters
    ----------
    manifest : of the dataset that was split; gives locations of images, and whether queries were drawn
    """
    ids, first = np.unique(split.table["id"].to_numpy(), return_index=True)
    hashes = split.table["image_sha256"].take(pa.array(first)).combine_chunks().dictionary_encode().indices.to_numpy()
    copied = np.flatnonzero(np.bincount(hashes)[hashes] > 1)
    copied = copied[np.argsort(hashes[copied], kind="stable")]
    groups = np.split(copied, np.flatnonzero(np.diff(hashes[copied])) + 1)
    lists = split.table["labels"].take(pa.array(first[copied])).to_pylist()
    labels = {row: tuple(sorted(some)) for row, some in zip(copied.tolist(), lists, strict=True)}
    query = np.isin(ids, split.ids("query"))
    locations, others = dict[int, str](), "identical images"
    if manifest is not None:
        locations = dict(zip(manifest["id"].to_pylist(), manifest["location"].to_pylist(), strict=True))
        if not len(manifest["roles"].combine_chunks().flatten()):
            others += ", withheld from queries"

    def named(row: int) -> str:
        number = int(ids[row])
        return f"{locations.get(number, f'id {number}')} [label {' '.join(map(str, labels[row])) or 'none'}]"

    kinds = {
        "queries of the same bytes": [rows[query[rows]].tolist() for rows in groups],
        others: [rows[~query[rows]].tolist() for rows in groups],
        "identical images under contradicting labels": [
            rows.tolist() for rows in groups if len({labels[row] for row in rows.tolist()}) > 1
        ],
    }
    found = []
    for what, parts in kinds.items():
        parts = [rows for rows in parts if len(rows) > 1]
        pairs = [(rows[0], next((row for row in rows if labels[row] != labels[rows[0]]), rows[1])) for rows in parts]
        examples = [f"{named(one)} = {named(other)}" for one, other in pairs[:SHOWN]]
        if parts:
            found.append(Note(what, sum(map(len, parts)), examples, len(parts) > SHOWN))
    return found


def _groups(manifest: pa.Table, protocol: Protocol, name: str) -> dict[int | None, NDArray]:
    """Row numbers of each group to draw from: each class, by its label; or all images, by None."""
    if not protocol.per_class:
        return {None: np.arange(len(manifest))}
    labels = manifest["labels"].combine_chunks()
    counts = pc.list_value_length(labels).to_numpy()
    if (counts != 1).any():
        bad = manifest["id"].to_numpy()[counts != 1].tolist()
        raise SplitError(f"protocol {name} draws per class, but {_some('id', bad)} with no or several labels")
    flat = labels.flatten().to_numpy()
    known, first = np.unique(np.sort(flat), return_index=True)
    return dict(zip(known.tolist(), np.split(np.argsort(flat, kind="stable"), first[1:]), strict=True))


def _some(what: str, values: Iterable[object]) -> str:
    """Text that lists the first few of many."""
    words = list(map(str, values))
    more = f" and {len(words) - NAMED} more" if len(words) > NAMED else ""
    return f"{what} {', '.join(words[:NAMED])}{more}"
