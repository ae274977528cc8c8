"""Datasets of vectors: accepted files, their features and labels, and one clear line for invalid ones."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from l2h import datasets
from l2h.datasets.downloads import Sources
from l2h.errors import L2HError
from l2h.splits import Protocol, make_split
from l2h.store.arrays import open_arrays
from l2h.store.features import iter_features, read_features, weights_name
from l2h.store.manifests import read_classes, read_manifest

VECTORS = np.random.default_rng(0).normal(size=(30, 6)).astype(np.float32)
LABELS = np.arange(30) % 3


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save("vectors.npy", VECTORS)
    np.save("labels.npy", LABELS)
    return tmp_path


def made(**params):
    return datasets.make("embeddings", Sources("downloads", None), **{"embeddings": "vectors.npy", **params})


def prepared(**params):
    """The dataset, and the manifest that it wrote."""
    dataset = made(**params)
    dataset.prepare("features.parquet", "manifest.parquet")
    return dataset, read_manifest("manifest.parquet")


def test_vectors_become_features_in_order():
    dataset, manifest = prepared(labels="labels.npy")
    assert np.array_equal(read_features("features.parquet", np.arange(30)), VECTORS)
    assert manifest["labels"].to_pylist() == [[label] for label in LABELS.tolist()]
    assert manifest["location"].to_pylist()[:2] == ["vectors.npy[0]", "vectors.npy[1]"]
    assert weights_name("features.parquet").startswith("vectors@")
    assert (dataset.size, dataset.images, dataset.relevance, dataset.neighbours) == (30, False, "labels", None)
    assert [str(path) for path in dataset.made_of()] == ["vectors.npy", "labels.npy"]


@pytest.mark.parametrize(("given", "stored"), [("float16", "float16"), ("float32", "float32"), ("float64", "float32")])
def test_features_keep_their_precision_up_to_32_bits(given, stored):
    np.save("vectors.npy", VECTORS.astype(given))
    prepared()
    assert pq.read_schema("features.parquet").field("feature").type.value_type == getattr(pa, stored)()
    expected = VECTORS.astype(given).astype(stored).astype(np.float32)
    assert np.array_equal(read_features("features.parquet", np.arange(30)), expected)


def test_features_are_written_in_blocks(monkeypatch):
    monkeypatch.setattr("l2h.store.arrays.BLOCK", 60)
    prepared()
    assert [len(ids) for ids, _ in iter_features("features.parquet")] == [10, 10, 10]


MULTI = np.eye(4, dtype=int)[np.arange(30) % 4] | np.eye(4, dtype=int)[np.arange(30) % 3]


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (LABELS.astype(np.uint8), [[0], [1], [2], [0]]),
        (LABELS[:, None], [[0], [1], [2], [0]]),
        (MULTI, [[0], [1], [2], [0, 3]]),
        (MULTI.astype(bool), [[0], [1], [2], [0, 3]]),
        (MULTI.astype(float), [[0], [1], [2], [0, 3]]),
        (np.array(["cat", "ant", "bee"])[LABELS], [[2], [0], [1], [2]]),
    ],
)
def test_labels_may_have_any_form(labels, expected):
    np.save("labels.npy", labels)
    _, manifest = prepared(labels="labels.npy")
    assert manifest["labels"].to_pylist()[:4] == expected
    assert read_classes("manifest.parquet") == (["ant", "bee", "cat"] if labels.dtype.kind == "U" else [])


def test_vectors_and_labels_may_share_a_table():
    columns = {
        "embedding": list(VECTORS),
        "label": [[0, 2], [1]] * 15,
        "name": [f"item {row}" for row in range(30)],
        "part": ["query", "train,database", "train", "database", "train database"] * 6,
    }
    pq.write_table(pa.table(columns), "all.parquet")
    dataset, manifest = prepared(embeddings="all.parquet", labels="label", ids="name", roles="part")
    assert manifest["labels"].to_pylist() == columns["label"]
    assert manifest["location"].to_pylist() == columns["name"]
    assert dataset.protocols == {"given": None}
    split = make_split(manifest, "given", None, 0)
    assert [len(split.ids(role)) for role in ("query", "train", "database")] == [6, 18, 18]
    assert [str(path) for path in dataset.made_of()] == ["all.parquet"]


def test_groups_define_relevance_and_have_no_names():
    np.save("groups.npy", np.arange(30) // 2 * 10**12)
    dataset, manifest = prepared(groups="groups.npy")
    assert manifest["labels"].to_pylist() == [[row // 2] for row in range(30)]
    assert (dataset.relevance, read_classes("manifest.parquet")) == ("groups", [])
    split = make_split(manifest, "p", Protocol(15, 5), 0, relevance=dataset.relevance)
    assert sorted(split.labels(split.ids("query"))) == list(range(15))


def test_without_labels_neighbours_are_relevant():
    assert made().neighbours == {"k": 100, "distance": "cosine"}
    dataset, manifest = prepared(neighbours=7, distance="l2")
    assert (dataset.relevance, dataset.neighbours) == ("neighbours", {"k": 7, "distance": "l2"})
    assert manifest["labels"].to_pylist() == [[]] * 30


def test_queries_may_be_a_separate_file(monkeypatch):
    monkeypatch.setattr("l2h.datasets.embeddings.TRAINED_ON", 10)
    np.savez("queries.npz", x=VECTORS[:5] + 1)
    np.save("query_labels.npy", LABELS[:5])
    dataset, manifest = prepared(labels="labels.npy", queries="queries.npz", query_labels="query_labels.npy")
    assert dataset.size == 35
    split = make_split(manifest, "given", None, 0)
    assert split.ids("query").tolist() == [*range(30, 35)]
    assert split.ids("database").tolist() == [*range(30)]
    assert split.ids("train").tolist() == np.linspace(0, 29, 10).astype(int).tolist()
    assert np.array_equal(read_features("features.parquet", split.ids("query")), VECTORS[:5] + 1)
    assert split.labels(split.ids("query")).tolist() == LABELS[:5].tolist()


@pytest.mark.parametrize(("said", "distance"), [("angular", "cosine"), ("euclidean", "l2")])
def test_files_of_ann_benchmarks_are_read(said, distance):
    h5py = pytest.importorskip("h5py", reason="h5py is not installed")
    with h5py.File("ann.hdf5", "w") as file:
        file["train"], file["test"] = VECTORS, VECTORS[:4] * 2
        file["neighbors"], file["distances"] = np.zeros((4, 10), int), np.zeros((4, 10), np.float32)
        file.attrs["distance"] = said
    dataset, manifest = prepared(embeddings="ann.hdf5")
    assert dataset.neighbours == {"k": 100, "distance": distance}
    split = make_split(manifest, "given", None, 0)
    assert split.ids("query").tolist() == [*range(30, 34)]
    assert split.ids("train").tolist() == split.ids("database").tolist() == [*range(30)]


def test_missing_files_are_named():
    assert "no file at nowhere.npy" in made(embeddings="nowhere.npy").missing()
    assert "no file at lables.npy" in made(labels="lables.npy").missing()
    assert made(labels="labels.npy").missing() is None


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"labels": "labels.npy", "groups": "labels.npy"}, "labels or groups, not both"),
        ({"roles": "labels.npy", "queries": "vectors.npy"}, "roles or queries, not both"),
        ({"labels": "labels.npy", "neighbours": 10}, "neighbours and distance are for data without labels"),
        ({"neighbours": 0}, "neighbours must be a positive integer, got 0"),
        ({"neighbours": True}, "got True"),
        ({"distance": "cos"}, "distance must be one of cosine, l2, got 'cos'"),
        ({"labels": "labels.npy", "queries": "vectors.npy"}, "query_labels are labels"),
        ({"labels": "labels.npy", "query_labels": "labels.npy"}, "query_labels are labels"),
        ({"query_labels": "labels.npy"}, "query_labels needs labels"),
        ({"embeddings": 3}, "embeddings must be text, got 3"),
    ],
)
def test_contradicting_parameters_are_refused(params, words):
    with pytest.raises(L2HError, match=words):
        made(**params)


def changed(row, column, value):
    vectors = VECTORS.copy()
    vectors[row, column] = value
    return vectors


@pytest.mark.parametrize(
    ("vectors", "words"),
    [
        (changed(17, 2, np.nan), "vectors.npy: nan in row 17, column 2; leave the row out"),
        (changed(3, 0, np.inf), "vectors.npy: inf in row 3, column 0"),
        (changed(4, 1, 0).astype(np.float64) * 1e300, "in row 0, column"),
        (VECTORS[0], r"float32 of shape \(6,\); float vectors of shape \(n, d\) expected"),
        (VECTORS[None], r"of shape \(1, 30, 6\)"),
        (VECTORS[:0], r"of shape \(0, 6\)"),
        ((VECTORS > 0).astype(np.uint8), "holds uint8: to evaluate codes of another program, use the method"),
        (VECTORS > 0, "holds bool: to evaluate codes"),
        ((100 * VECTORS).astype(int), r"if these are vectors, save them with array.astype\(np.float32\)"),
        (VECTORS.astype(complex), "complex128"),
        (
            np.where(np.arange(30)[:, None] == 9, VECTORS * 1e25, VECTORS),
            "values in row 9 are so large that their squares",
        ),
        (np.array([[{}]], object), "Python objects"),
    ],
)
def test_invalid_vectors_are_refused(vectors, words):
    np.save("vectors.npy", vectors, allow_pickle=True)
    with pytest.raises(L2HError, match=words) as caught:
        prepared()
    assert "\n" not in str(caught.value)
    assert "vectors.npy" in str(caught.value)


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (LABELS[:29], "labels.npy holds 29 labels for 30 vectors"),
        (np.array(["\xe6".encode("latin-1")] * 30), "bytes that are not UTF-8"),
        (LABELS - 1, r"labels.npy: \[-1\] in row 0; labels are integers from 0, and no item has one twice"),
        (LABELS / 2, r"labels.npy holds float64 of shape \(30,\); labels are integers"),
        (MULTI * 2, r"labels.npy holds int64 of shape \(30, 4\)"),
        (np.zeros((30, 2, 2), int), r"of shape \(30, 2, 2\)"),
        (LABELS.astype(np.int64) + 2**31, "above the maximum of 2147483647"),
    ],
)
def test_invalid_labels_are_refused(labels, words):
    np.save("labels.npy", labels)
    with pytest.raises(L2HError, match=words):
        prepared(labels="labels.npy")


def test_missing_or_ambiguous_array_names_are_refused():
    np.savez("two.npz", a=VECTORS, b=VECTORS, c=LABELS)
    with pytest.raises(L2HError, match="two.npz holds a, b; set `array` to the one with the vectors"):
        prepared(embeddings="two.npz")
    with pytest.raises(L2HError, match="two.npz has no array 'x'; it has a, b, c"):
        prepared(embeddings="two.npz", array="x")
    with pytest.raises(L2HError, match="labels: 'y' is neither a file nor an array of two.npz, which has a, b, c"):
        prepared(embeddings="two.npz", array="a", labels="y")
    with pytest.raises(L2HError, match="roles: two.npz holds a, b, c; one array expected"):
        prepared(roles="two.npz")
    np.save("roles.npy", ["query"] * 29 + ["querry"])
    with pytest.raises(L2HError, match="roles.npy: 'querry' in row 29; roles are query, train and database"):
        prepared(roles="roles.npy")
    np.save("queries.npy", VECTORS[:, :5])
    with pytest.raises(L2HError, match="vectors of the same length expected"):
        prepared(queries="queries.npy")


def test_floats_that_look_like_codes_are_warned_of(caplog):
    np.save("vectors.npy", np.sign(VECTORS))
    prepared()
    assert "vectors.npy holds only two distinct values, like codes" in caplog.text


def test_vectors_of_zeros_are_counted(caplog):
    np.save("vectors.npy", VECTORS * (np.arange(30) > 1)[:, None])
    prepared()
    assert "vectors.npy: 2 vectors are 0 in all columns" in caplog.text


def test_a_name_in_a_file_without_names_is_refused():
    """A .npy file has one array without a name, which no parameter can mean."""
    assert list(open_arrays("vectors.npy")) == [""]
    with pytest.raises(L2HError, match="labels: 'x' is neither a file nor an array of vectors.npy, which has no names"):
        prepared(labels="x")


def test_text_may_be_utf_8_bytes():
    np.save("labels.npy", np.char.encode(np.array(["k\xe6t", "hund", "fugl"])[LABELS], "utf-8"))
    _, manifest = prepared(labels="labels.npy")
    assert read_classes("manifest.parquet") == ["fugl", "hund", "k\xe6t"]
    assert manifest["labels"].to_pylist()[:3] == [[2], [1], [0]]


def test_lengths_are_compared_before_values_are_read():
    np.save("labels.npy", LABELS[:29])
    with pytest.raises(L2HError, match="labels.npy holds 29 labels for 30 vectors"):
        made(labels="labels.npy").require_alike()


def test_a_folder_in_place_of_labels_is_refused(folder):
    (folder / "labels").mkdir()
    assert made(labels="labels").missing() == "labels is not a file; correct its path"
