"""Users' arrays in five formats: values are read back, and an inconsistent or damaged file is one line."""

import zipfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from safetensors.numpy import save_file

from l2h.errors import L2HError
from l2h.store import arrays
from l2h.store.arrays import open_arrays

h5py = pytest.importorskip("h5py", reason="h5py is not installed")

VECTORS = np.random.default_rng(0).normal(size=(50, 7)).astype(np.float32)
LABELS = np.arange(50)


def write_parquet(path, vectors):
    fixed = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), vectors.shape[1])
    pq.write_table(pa.table({"vectors": fixed, "labels": LABELS}), path, row_group_size=8)


def write_lists(path, vectors):
    """The way pandas writes a column of arrays."""
    pq.write_table(pa.table({"vectors": list(vectors), "labels": LABELS}), path)


def write_hdf5(path, vectors):
    with h5py.File(path, "w") as file:
        file["vectors"], file["labels"] = vectors, LABELS


WRITERS = {
    "by_row.npz": lambda path, vectors: np.savez(path, vectors=vectors, labels=LABELS),
    "compressed.npz": lambda path, vectors: np.savez_compressed(path, vectors=vectors, labels=LABELS),
    "fixed.parquet": write_parquet,
    "lists.parquet": write_lists,
    "file.h5": write_hdf5,
    "file.hdf5": write_hdf5,
    "file.safetensors": lambda path, vectors: save_file({"vectors": vectors, "labels": LABELS}, path),
}


@pytest.mark.parametrize("block", [10, 10_000])
@pytest.mark.parametrize("name", WRITERS)
def test_values_are_read_in_blocks(tmp_path, monkeypatch, name, block):
    monkeypatch.setattr(arrays, "BLOCK", block)
    WRITERS[name](tmp_path / name, VECTORS)
    found = open_arrays(tmp_path / name)
    assert {*found} == {"vectors", "labels"}
    assert (found["vectors"].shape, found["vectors"].dtype) == ((50, 7), np.float32)
    assert np.array_equal(found["vectors"].read(), VECTORS)
    assert np.array_equal(found["labels"].read(), LABELS)
    if block == 10:
        assert max(map(len, found["vectors"].blocks())) == 1


@pytest.mark.parametrize("order", ["C", "F"])
def test_npy_holds_one_unnamed_array(tmp_path, order):
    np.save(tmp_path / "a.npy", np.asarray(VECTORS, order=order))
    (array,) = open_arrays(tmp_path / "a.npy").values()
    assert (array.name, str(array)) == ("", str(tmp_path / "a.npy"))
    assert np.array_equal(array.read(), VECTORS)


def test_text_and_lists_are_read(tmp_path):
    words, lists = ["cat", "dog", "cat"], [[1, 2], [], [0]]
    pq.write_table(pa.table({"words": words, "lists": lists}), tmp_path / "a.parquet")
    found = open_arrays(tmp_path / "a.parquet")
    assert found["words"].read().tolist() == words
    assert found["lists"].read().tolist() == lists
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["words"] = words
    assert open_arrays(tmp_path / "a.h5")["words"].read().tolist() == words


def failing(read, *words):
    with pytest.raises(L2HError) as caught:
        read()
    said = str(caught.value)
    assert "\n" not in said
    for word in words:
        assert word in said
    return said


@pytest.mark.parametrize("name", ["a.npy", *WRITERS])
def test_a_truncated_file_is_named(tmp_path, name):
    path = tmp_path / name
    if name == "a.npy":
        np.save(path, VECTORS)
    else:
        WRITERS[name](path, VECTORS)
    path.write_bytes(path.read_bytes()[:-200])
    failing(lambda: [array.read() for array in open_arrays(path).values()], name)


def test_missing_or_unknown_files_are_refused(tmp_path):
    failing(lambda: open_arrays(tmp_path / "a.npy"), "a.npy does not exist")
    failing(
        lambda: open_arrays(tmp_path / "a.txt"),
        "a.txt: unknown format; save the array as one of .npy, .npz, .parquet, .h5",
    )
    (tmp_path / "b.npy").mkdir()
    failing(lambda: open_arrays(tmp_path / "b.npy"), "b.npy")


def test_python_objects_are_not_unpickled(tmp_path):
    np.save(tmp_path / "a.npy", np.array([{}, 1], object))
    failing(lambda: open_arrays(tmp_path / "a.npy"), "a.npy cannot be read (it holds Python objects)")
    np.savez(tmp_path / "a.npz", x=np.array([{}, 1], object))
    failing(lambda: open_arrays(tmp_path / "a.npz"), "x.npy holds object")


def test_arrays_in_column_order_are_refused(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.asfortranarray(VECTORS))
    failing(lambda: open_arrays(tmp_path / "a.npz"), "in column order", "np.ascontiguousarray")


def test_a_header_larger_than_the_file_is_refused(tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((4, 2)))
    header = (tmp_path / "x.npy").read_bytes().replace(b"(4, 2)", b"(9, 2)")
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("x.npy", header)
    failing(lambda: open_arrays(tmp_path / "a.npz")["x"].read(), "a.npz")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("x", (10**9, 10**3), "f4", chunks=(1, 1000))  # nothing of it is stored
    failing(lambda: open_arrays(tmp_path / "a.h5"), "a.h5: x claims 4000000000000 bytes, but the file has only")


def test_external_hdf5_storage_is_refused(tmp_path):
    (tmp_path / "secret").write_bytes(bytes(80))
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("x", (10, 2), "f4", external=[(tmp_path / "secret", 0, 80)])
    failing(lambda: open_arrays(tmp_path / "a.h5"), "/x refers to other files")


def test_a_column_with_gaps_names_the_row(tmp_path):
    rows = [[1.0, 2.0], [3.0, 4.0], [5.0]]
    pq.write_table(pa.table({"x": rows}), tmp_path / "short.parquet")
    failing(lambda: open_arrays(tmp_path / "short.parquet")["x"].read(), "x has 2 values in row 0, but not in row 2")
    pq.write_table(pa.table({"x": [*rows[:2], None]}), tmp_path / "none.parquet")
    failing(lambda: open_arrays(tmp_path / "none.parquet")["x"].read(), "x has no value in 1 rows")
    pq.write_table(pa.table({"x": [rows[0], [3.0, None]]}), tmp_path / "null.parquet")
    failing(lambda: open_arrays(tmp_path / "null.parquet")["x"].read(), "row 1")


def test_bfloat16_is_refused_with_the_fix(tmp_path):
    content = b'{"x":{"dtype":"BF16","shape":[2,2],"data_offsets":[0,8]}}'
    (tmp_path / "a.safetensors").write_bytes(len(content).to_bytes(8, "little") + content + bytes(8))
    failing(lambda: open_arrays(tmp_path / "a.safetensors"), "x holds BF16", "float32")
