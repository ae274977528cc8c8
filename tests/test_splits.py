import hashlib
import re

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from l2h import datasets, splits
from l2h.errors import L2HError
from l2h.notes import Note
from l2h.splits import Protocol, Split, SplitError, check, lone_queries, make_split, notes, require_enough
from l2h.store.manifests import read_manifest
from l2h.store.splits import SPLIT, read_split, write_split

COLUMNS = [*SPLIT]


def sha(content):
    return hashlib.sha256(str(content).encode()).digest()


def split_of(*rows):
    """A split from (id, role, image content, labels)."""
    table = pa.Table.from_pylist(
        [{"id": i, "role": role, "image_sha256": sha(image), "labels": labels} for i, role, image, labels in rows],
        schema=pa.schema(COLUMNS),
    )
    return Split(table, "hand-made", 0)


GOOD = [(1, "query", "a", [0]), (2, "train", "b", [1]), (2, "database", "b", [1]), (3, "database", "c", [0])]


def manifest_of(images, labels):
    return pa.table(
        {
            "id": pa.array(range(len(images)), pa.int64()),
            "image_sha256": pa.array([sha(image) for image in images], pa.binary(32)),
            "labels": pa.array(labels, pa.list_(pa.int32())),
            "location": [f"x[{i}]" for i in range(len(images))],
        }
    )


def test_a_good_split_passes():
    check(split_of(*GOOD))


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([*GOOD, (1, "train", "a", [0])], "train holds query 1"),
        ([*GOOD, (1, "database", "a", [0])], "database holds query 1"),
        ([*GOOD, (7, "database", "a", [0])], "database holds byte-identical copies of queries, id 7 = query 1"),
        ([*GOOD, (7, "train", "a", [0])], "train holds byte-identical copies of queries, id 7 = query 1"),
        ([*GOOD, (8, "query", "d", [])], "query 8 without a label"),
        ([*GOOD, (3, "database", "c", [0])], "database holds id 3 more than once"),
        ([*GOOD, (9, "test", "e", [0])], "roles are query, train and database"),
        (GOOD[1:], "nothing with the role query"),
        (GOOD[:1] + GOOD[2:], "nothing with the role train"),
    ],
)
def test_leaks_and_mistakes_are_named_by_id(rows, words):
    with pytest.raises(SplitError, match=words):
        check(split_of(*rows))


LONE = [(4, "query", "d", [2]), (5, "query", "e", [1])]  # nothing of class 2, and of class 1 an image of train alone


@pytest.mark.parametrize("several", [False, True])
def test_lone_queries_are_refused_unless_accepted(several):
    rows = [*GOOD, *LONE]
    if several:
        rows[3] = (3, "database", "c", [0, 3])
    split = split_of(*rows)
    assert lone_queries(split).tolist() == [4]
    assert lone_queries(split, unseen=True).tolist() == [4, 5]
    with pytest.raises(SplitError, match="1 of 3 queries share no label with anything in the database, .*: query 4;"):
        check(split)
    check(split, allow_lone_queries=True)
    with pytest.raises(SplitError, match=r"1 of 2 queries share no label .* database without the training images"):
        check(split_of(*rows[:4], LONE[1]), {5: "e.png", 1: "a.png"})
    whole = split_of(GOOD[0], GOOD[2], (3, "train", "c", [0]), (3, "database", "c", [0]), (2, "train", "b", [1]))
    assert lone_queries(whole, unseen=True).tolist() == []  # where all were trained on, there is no such figure


def test_identical_images_are_counted_with_examples():
    assert notes(split_of(*GOOD)) == []
    same_label = [(4, "database", "c", [0]), (5, "query", "a", [0])]
    other_label = [
        (6, "train", "d", [0, 1]),
        (6, "database", "d", [0, 1]),
        (7, "database", "d", [1]),
        (8, "query", "a", []),
    ]
    split = split_of(*GOOD, *same_label, *other_label)
    queries, others, contradicting = notes(split)
    assert queries == Note("queries of the same bytes", 3, ["id 1 [label 0] = id 8 [label none]"])
    pairs = ["id 3 [label 0] = id 4 [label 0]", "id 6 [label 0 1] = id 7 [label 1]"]
    assert others == Note("identical images", 4, pairs)
    examples = [queries.examples[0], pairs[1]]
    assert contradicting == Note("identical images under contradicting labels", 5, examples)
    manifest = manifest_of(range(9), [[]] * 9)
    for roles, what in (([], "identical images, withheld from queries"), (["train"], "identical images")):
        named = notes(split, manifest.append_column("roles", pa.array([roles] * 9, pa.list_(pa.string()))))
        assert named[0].examples == ["x[1] [label 0] = x[8] [label none]"]
        assert named[1].what == what


def test_long_lists_of_ids_are_shortened():
    with pytest.raises(SplitError, match="query 10, 11, 12, 13, 14 and 3 more without a label"):
        check(split_of(*GOOD, *((i, "query", i, []) for i in range(10, 18))))


def test_the_digest_ignores_the_order_of_rows():
    split = split_of(*GOOD)
    assert split_of(*GOOD[::-1]).sha256 == split.sha256
    assert Split(split.table, "hand-made", 1).sha256 != split.sha256
    assert split_of(*GOOD[:-1], (3, "database", "c", [1])).sha256 != split.sha256


@pytest.mark.parametrize("rows", [0, 1, 50, 3 * 40 + 1])
def test_the_digest_matches_a_loop_over_rows(rows, monkeypatch):
    """Many rows at a time give the same bytes as a loop over rows, for any chunks of the table."""
    monkeypatch.setattr(splits, "HASHED_ROWS", 40)
    rng = np.random.default_rng(rows)
    some = [
        (
            int(rng.integers(-5, 2**63 - 1)),
            ["query", "train", "database", "réserve"][rng.integers(4)],
            int(rng.integers(9)),
            rng.integers(0, 2**31, rng.integers(4)).tolist(),
        )
        for _ in range(rows)
    ]
    some += some[:3]  # rows that are equal
    table = pa.concat_tables([split_of(*some[:60]).table, split_of(*some[60:]).table, split_of(*some).table[5:9]])
    digest = hashlib.sha256(b"p 7\n")
    for row in table.sort_by([("role", "ascending"), ("id", "ascending")]).to_pylist():
        labels = " ".join(map(str, row["labels"]))
        digest.update(f"{row['id']} {row['role']} {row['image_sha256'].hex()} {labels}\n".encode())
    assert Split(table, "p", 7).sha256 == digest.hexdigest()


def test_labels_are_classes_or_multi_hot():
    single = split_of(*GOOD)
    assert single.labels(np.array([3, 2, 1])).tolist() == [0, 1, 0]
    multi = split_of(*GOOD, (4, "database", "d", [0, 2]))
    assert multi.labels(np.array([4, 2])).tolist() == [[True, False, True], [False, True, False]]
    with pytest.raises(SplitError, match=r"ids \[5\] are not part"):
        single.labels(np.array([1, 5]))


@pytest.mark.parametrize(
    ("labels", "shown"),
    [
        ([[7], [81_312], [2**31 - 1]], [7, 81_312, 2**31 - 1]),
        ([[7], [81_312, 2**31 - 1], []], [[True, False, False], [False, True, True], [False, False, False]]),
    ],
)
def test_large_labels_are_kept(labels, shown, tmp_path):
    class Mine(datasets.ArrayDataset):
        def load(self):
            return np.arange(3, dtype=np.uint8).repeat(16).reshape(3, 4, 4), labels

    Mine(None).prepare(tmp_path / "images", tmp_path / "manifest.parquet")
    split = make_split(read_manifest(tmp_path / "manifest.parquet"), "p", Protocol(query=1, train=1), 0)
    write_split(tmp_path / "split.parquet", split)
    read = read_split(tmp_path / "split.parquet")
    ids = np.arange(3)
    assert read.label_lists(ids) == labels
    assert read.labels(ids).tolist() == shown


@settings(max_examples=30)
@given(st.integers(0, 5), st.booleans(), st.booleans())
def test_drawn_splits_follow_the_protocol_and_never_leak(seed, per_class, train_in_database):
    rng = np.random.default_rng(seed)
    labels = [[int(label)] for label in np.arange(60) % 3]
    images = rng.integers(0, 50, 60)  # some twins
    protocol = Protocol(query=2, train=5, per_class=per_class, train_in_database=train_in_database)
    split = make_split(manifest_of(images, labels), "p", protocol, seed)
    check(split)
    times = 3 if per_class else 1
    query, train, database = (split.ids(role) for role in ("query", "train", "database"))
    assert (len(query), len(train)) == (2 * times, 5 * times)
    assert np.isin(train, database).all() == train_in_database
    assert sorted({*query, *train, *database}) == list(range(60))  # nobody is dropped
    again = make_split(manifest_of(images, labels), "p", protocol, seed)
    assert again.sha256 == split.sha256


def test_unlabelled_images_are_never_queries():
    split = make_split(manifest_of(range(8), [[0, 1], []] * 4), "p", Protocol(3, 2, per_class=False), 0)
    assert (split.ids("query") % 2 == 0).all()
    assert {1, 3, 5, 7} <= set(split.ids("database").tolist())


def test_at_most_one_query_is_drawn_from_a_group():
    groups = [[0], [0], [0], [1], [1], [2], [3], [3], [4], []]
    for seed in range(10):
        split = make_split(manifest_of(range(10), groups), "p", Protocol(3, 2), seed, relevance="groups")
        asked = [groups[item][0] for item in split.ids("query")]
        assert len({*asked}) == 3
        assert {*asked} <= {0, 1, 3}
        assert not len(lone_queries(split))
        assert not len(lone_queries(split, unseen=True))  # trained on are other groups, as far as there are enough
    with pytest.raises(SplitError, match="has 3 of the 4 queries needed"):
        make_split(manifest_of(range(10), groups), "p", Protocol(4, 2), 0, relevance="groups")


def test_neighbours_are_labels_of_the_split(tmp_path):
    plain = make_split(manifest_of(range(6), [[]] * 6), "p", Protocol(2, 2), 0, relevance="neighbours")
    queries, database = plain.ids("query"), plain.ids("database")
    near = np.stack([database[[3, 0]], database[[1, 0]]])
    split = splits.with_neighbours(plain, near)
    write_split(tmp_path / "s.parquet", split)
    split = read_split(tmp_path / "s.parquet")
    check(split, allow_lone_queries=True)
    assert split.neighbours == 2
    assert len({split.sha256, plain.sha256, Split(split.table, "p", 0).sha256}) == 3
    assert split.label_lists(queries) == [[query] for query in queries]
    assert split.label_lists(database) == [queries.tolist(), [queries[1]], [], [queries[0]]]
    assert [rows.tolist() for rows in split.neighbour_rows(queries, database)] == [[0, 3], [0, 1]]
    assert [rows.tolist() for rows in split.neighbour_rows(queries[::-1], database[1:])] == [[0], [2]]
    assert split.targets(split.ids("train")) is None
    assert split_of(*GOOD).targets(np.array([2])).tolist() == [1]
    for each in (split.relevance(queries, database), Split(split.table, "p", 0).relevance(queries, database)):
        assert [np.flatnonzero(each(place)).tolist() for place in (0, 1)] == [[0, 3], [0, 1]]


def test_relevance_is_a_shared_label():
    split = split_of(
        (1, "query", "a", [0]), (2, "query", "b", [1]), (3, "database", "c", [1]), (4, "database", "d", [0])
    )
    relevant = split.relevance(np.array([1, 2]), np.array([3, 4]))
    assert [relevant(place).tolist() for place in (0, 1)] == [[False, True], [True, False]]


FIVES = Protocol(query=2, train=3, per_class=True)


@pytest.mark.parametrize(
    ("labels", "protocol", "words"),
    [
        ([0] * 4 + [1] * 5, FIVES, "class cat has 4 of the 5 needed (query 2, train 3)"),
        (
            [0] * 4 + [1] * 3,
            FIVES,
            "class cat has 4 of the 5 needed (query 2, train 3); class dog has 3 of the 5",
        ),
        ([0] * 5 + [7], Protocol(0.2, 0.4, per_class=True), "class 7 has 1 of the 2 needed (query 1, train 1)"),
        ([0] * 7, Protocol(0.5, 0.6), "the dataset has 7 of the 8 needed (query 4, train 4)"),
        (
            [0, None, None],
            Protocol(2, 1),
            "the dataset has 1 of the 2 queries needed (with a label, and without a byte",
        ),
        (
            sorted([*range(9)] * 2),
            FIVES,
            "; class 4 has 2 of the 5 needed (query 2, train 3); and 4 more classes",
        ),
    ],
)
def test_too_few_images_are_refused_with_class_and_numbers(labels, protocol, words):
    labels = [[] if label is None else [label] for label in labels]
    manifest = manifest_of(range(len(labels)), labels)
    words = f"protocol p cannot be drawn: .*{re.escape(words)}.*; add data, or choose a protocol that needs less"
    with pytest.raises(SplitError, match=words):
        make_split(manifest, "p", protocol, 0, ["cat", "dog"])
    with pytest.raises(SplitError, match=words):
        require_enough(labels, "p", protocol, ["cat", "dog"])


def test_copies_are_found_once_images_are_read():
    labels = [[0]] * 5
    require_enough(labels, "p", FIVES)
    make_split(manifest_of(range(5), labels), "p", FIVES, 0)
    with pytest.raises(SplitError, match=r"class 0 has 1 of the 2 queries needed \(with a label, and without a byte"):
        make_split(manifest_of([0, 0, 1, 1, 2], labels), "p", FIVES, 0)


def test_unfit_protocols_are_refused():
    with pytest.raises(SplitError, match="draws per class, but id 1 with no or several labels"):
        make_split(manifest_of(range(3), [[0], [0, 1], [1]]), "p", Protocol(1, 1, per_class=True), 0)
    with pytest.raises(SplitError, match="draws per class, but id 1 with no or several labels"):
        require_enough([[0], [0, 1], [1]], "p", Protocol(1, 1, per_class=True))


@pytest.mark.parametrize(
    ("name", "protocol", "sizes"),
    [("digits", "digits-300", (300, 500, 1497)), ("digit_pairs", "digit-pairs-200", (200, 300, 698))],
)
def test_built_in_datasets_have_their_published_splits(name, protocol, sizes, tmp_path):
    dataset = datasets.registry.get(name)(None)
    dataset.prepare(tmp_path / "images", tmp_path / "manifest.parquet")
    manifest = read_manifest(tmp_path / "manifest.parquet")
    images = np.load(tmp_path / "images/images.npy")
    assert images.dtype == np.uint8
    assert images.max() == 255
    assert [hashlib.sha256(image.tobytes()).digest() for image in images] == manifest["image_sha256"].to_pylist()
    assert manifest["location"][7].as_py() == "images.npy[7]"
    split = make_split(manifest, protocol, dataset.protocols[protocol], 0)
    assert tuple(len(split.ids(role)) for role in ("query", "train", "database")) == sizes


@pytest.mark.parametrize(
    ("images", "labels", "words"),
    [
        (np.zeros((2, 4, 4)), [[0], [1]], r"Mine.load returned float64 \(2, 4, 4\); uint8"),
        (np.zeros((2, 4, 4), np.uint8), [[0]], "2 images, but labels of 1"),
        (np.zeros((2, 4, 4), np.uint8), [[0], [-1]], r"labels \[-1\] for image 1"),
        (np.zeros((2, 4, 4), np.uint8), [[0], [3, 3]], r"labels \[3, 3\] for image 1"),
        (
            np.zeros((2, 4, 4), np.uint8),
            [[0], [2**31]],
            r"manifest.parquet: the label 2147483648 is above the maximum of 2147483647",
        ),
    ],
)
def test_invalid_images_or_labels_are_refused(images, labels, words, tmp_path):
    class Mine(datasets.ArrayDataset):
        def load(self):
            return images, labels

    with pytest.raises(L2HError, match=words):
        Mine(None).prepare(tmp_path / "images", tmp_path / "manifest.parquet")
    assert list(tmp_path.iterdir()) == []


def test_digit_pairs_match_their_labels():
    digits, digit_labels = datasets.registry.get("digits")(None).load()
    pairs, labels = datasets.registry.get("digit_pairs")(None).load()
    label_of = {image.tobytes(): label[0] for image, label in zip(digits, digit_labels, strict=True)}
    halves = [(pair[:, :8].tobytes(), pair[:, 8:].tobytes()) for pair in pairs]
    assert [sorted({label_of[a], label_of[b]}) for a, b in halves] == labels
    used = [half for pair in halves for half in pair]
    assert len(set(used)) == len(used) == 1796  # no digit twice: no half of a query is in the database


def test_splits_are_read_back_and_tampering_is_found(tmp_path):
    split = split_of(*GOOD)
    write_split(tmp_path / "s.parquet", split)
    loaded = read_split(tmp_path / "s.parquet")
    assert (loaded.sha256, loaded.protocol, loaded.seed) == (split.sha256, "hand-made", 0)
    assert loaded.table.equals(split.table)

    class Forged(Split):
        sha256 = split.sha256

    write_split(tmp_path / "s.parquet", Forged(split_of(*GOOD[1:]).table, "hand-made", 0))
    with pytest.raises(Exception, match="rows do not match its sha256"):
        read_split(tmp_path / "s.parquet")
