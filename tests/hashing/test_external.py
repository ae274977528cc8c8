"""Codes from another program: every form they may have, and a clear line for what is wrong with them."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from l2h import codes, hashing
from l2h.errors import L2HError
from l2h.store.codes import write_codes

IDS = np.arange(6)
BITS = np.random.default_rng(0).random((6, 11)) < 0.5
PACKED = codes.pack(BITS)


def external(bits=11, **params):
    return hashing.make("external", bits=bits, **{"codes": "{bits}.npy", **params})


def saved(path, array):
    np.save(path, array)
    return path


def table(path, ids, packed):
    column = pa.array([row.tobytes() for row in packed], pa.binary(packed.shape[1]))
    pq.write_table(pa.table({"id": pa.array(ids, pa.int64()), "code": column}), path)
    return path


@pytest.mark.parametrize(
    "array",
    [
        BITS,
        BITS.astype(np.uint8),
        BITS.astype(np.int8),
        BITS.astype(np.float32),
        np.where(BITS, 1, -1).astype(np.int8),
        np.where(BITS, 1.0, -1.0),
        PACKED,
    ],
    ids=lambda array: str(array.dtype),
)
def test_every_form_of_array_gives_the_same_codes(array, tmp_path):
    assert np.array_equal(external().read(saved(tmp_path / "a.npy", array), IDS), PACKED)


def test_a_table_may_have_any_order(tmp_path):
    order = np.array([3, 1, 5, 0, 2, 4])
    path = table(tmp_path / "c.parquet", IDS[order], PACKED[order])
    assert np.array_equal(external().read(path, IDS), PACKED)


def test_l2h_s_own_files_are_read_too(tmp_path):
    write_codes(tmp_path / "c.parquet", [(IDS, PACKED)], {"bits": "11"})
    assert np.array_equal(external().read(tmp_path / "c.parquet", IDS), PACKED)


def test_what_could_be_either_is_asked_and_not_guessed(tmp_path):
    """8 columns of 0 and 1 for 64 bits: codes that hardly have a bit set, or 8-bit codes under a wrong name."""
    columns = saved(tmp_path / "a.npy", np.tile(np.array([0, 1], np.uint8), (6, 4)))
    with pytest.raises(L2HError, match="holds only 0 and 1: packed codes of 64 bits, or 8 bits unpacked.*set `format"):
        external(64).read(columns, IDS)
    assert external(64, format="packed").read(columns, IDS).shape == (6, 8)
    assert external(8).read(columns, IDS).tolist() == [[0b10101010]] * 6
    with pytest.raises(L2HError, match=r"expected by format bits"):
        external(64, format="bits").read(columns, IDS)


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (BITS[:5], r"bool of shape \(5, 11\); the dataset has 6 images, so 6 rows in the order of their ids"),
        (BITS[:, :9], r"bool of shape \(6, 9\); \(6, 11\) of 0/1 or -1/1, or packed uint8 \(6, 2\), expected"),
        (BITS.ravel(), r"of shape \(66,\)"),
        (BITS.astype(complex), "complex128"),
        (BITS.astype(object), "is not a .npy array .*Python objects"),
        (BITS * 0.37, "0.37 in row 0, column .; codes hold only 0 and 1, or -1 and 1: binarise"),
        (BITS * np.nan, "nan in row 0, column 0"),
        (BITS.astype(int) - np.eye(6, 11, dtype=int) * 2, "in row 0, column .*"),
        (BITS.astype(int) * 2 - np.eye(6, 11, dtype=int), "in row ., column .*; codes hold only 0 and 1, or -1 and 1"),
        (PACKED | 128, "the code in row 0 has bits beyond the first 11 set"),
        (PACKED.astype(np.int16), r"int16 of shape \(6, 2\)"),
    ],
)
def test_mistakes_in_arrays_are_named(array, words, tmp_path):
    path = saved(tmp_path / "a.npy", array)
    with pytest.raises(L2HError, match=words) as caught:
        external().read(path, IDS)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_damaged_and_foreign_arrays_are_named(tmp_path):
    path = saved(tmp_path / "a.npy", BITS)
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(L2HError, match="a.npy is not a .npy array"):
        external().read(path, IDS)
    path.write_bytes(b"")
    with pytest.raises(L2HError, match="a.npy is not a .npy array"):
        external().read(path, IDS)
    with path.open("wb") as file:
        np.savez(file, a=BITS)
    with pytest.raises(L2HError, match="holds several arrays"):
        external().read(path, IDS)


@pytest.mark.parametrize(
    ("ids", "packed", "words"),
    [
        (
            IDS,
            PACKED[:, :1],
            r"is not a file of codes of 11 bits \(id int64, code fixed_size_binary\[2\]\): its columns",
        ),
        ([0, 1, 2, 3, 4, 4], PACKED, r"ids \[4\] occur more than once"),
        (IDS[:5], PACKED[:5], r"1 images have no code, ids \[5\]"),
        ([*IDS, 77], np.concatenate([PACKED, PACKED[:1]]), r"no images with the ids \[77\]"),
        (IDS, PACKED | 128, "the code in row 0 has bits beyond the first 11 set"),
        ([], PACKED[:0], "has no rows; write it again"),
    ],
)
def test_mistakes_in_tables_are_named(ids, packed, words, tmp_path):
    with pytest.raises(L2HError, match=words):
        external(codes="{bits}.parquet").read(table(tmp_path / "c.parquet", ids, packed), IDS)


def test_a_user_s_damaged_table_is_not_to_be_deleted(tmp_path):
    path = table(tmp_path / "c.parquet", IDS, PACKED)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(L2HError, match="damaged or cut short .*; write it again"):
        external().read(path, IDS)


def test_only_lengths_with_files_are_asked_for(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("d-p-16-s0", "d-p-16-s1", "d-p-64-s0", "e-8"):
        saved(f"{name}.npy", BITS)
    method = external(codes="{dataset}-{protocol}-{bits}-s{seed}.npy")
    assert method.lengths_and_seeds("d", "p", [8, 16], [0, 1]) == [(16, 0), (16, 1)]
    with pytest.raises(L2HError, match="d-p-64-s1.npy does not exist, which should hold the codes of d .p."):
        method.lengths_and_seeds("d", "p", [8, 64], [0, 1])
    with pytest.raises(L2HError, match="other-p-8-s0.npy does not exist"):
        method.lengths_and_seeds("other", "p", [8, 16], [0])
    assert external(codes="{dataset}-{bits}.npy").lengths_and_seeds("e", "p", [8, 16], [5, 6]) == [(8, 5)]
    with pytest.raises(L2HError, match="one.npy is one file, but there are 2 code lengths; add {bits} to it"):
        external(codes="one.npy").lengths_and_seeds("e", "p", [8, 16], [0])


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"codes": "codes.csv"}, "codes must be the path of a .npy or .parquet file, which may hold {dataset}"),
        ({"codes": ""}, "codes must be the path"),
        ({"codes": 3}, "codes must be the path"),
        ({"codes": "{method}.npy"}, "codes must be the path"),
        ({"codes": "{bits.real}.npy"}, "codes must be the path"),
        ({"codes": "{bits:03d}.npy"}, "codes must be the path"),
        ({"codes": "{bits.npy"}, "codes must be the path"),
        ({"codes": "{}.npy"}, "codes must be the path"),
        ({"codes": "a.npy", "format": "hex"}, "format must be bits or packed, or left out, got 'hex'"),
    ],
)
def test_wrong_params_are_one_line(params, words):
    with pytest.raises(L2HError, match=words):
        hashing.make("external", bits=8, **params)
