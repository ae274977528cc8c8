"""Tables, models and JSON that are small in the file but large in memory, or inconsistent."""

import json
import os
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from safetensors.numpy import save_file

from cell import CELL, KEY
from l2h import backbones, hashing
from l2h.backbones.weights import load_network
from l2h.datasets.images import ImageStore
from l2h.errors import L2HError
from l2h.splits import Split
from l2h.store import limits, manifests
from l2h.store.cells import CELL_KEY, cell_key
from l2h.store.codes import read_bare_codes
from l2h.store.features import read_features
from l2h.store.manifests import read_manifest
from l2h.store.models import read_checkpoint, read_description, read_model
from l2h.store.rankings import HISTOGRAM, iter_rankings
from l2h.store.results import (
    GALLERY,
    QUERIES,
    iter_metrics,
    iter_queries,
    read_frame,
    read_gallery,
    write_frame,
    write_metrics,
)
from l2h.store.splits import SPLIT, read_split
from l2h.store.tables import read_metadata

MANIFEST = {"id": 0, "image_sha256": bytes(32), "labels": [0], "location": "a", "roles": []}


def table(schema, *rows):
    return pa.Table.from_pylist(list(rows), schema=schema)


@pytest.fixture
def limited(monkeypatch):
    monkeypatch.setattr(limits, "MAX_MEMORY", 10_000)


def test_rows_that_compress_to_nothing_are_limited(tmp_path, limited):
    path, rows = tmp_path / "t", 200_000
    zeros = np.zeros(rows, np.int64)
    pq.write_table(pa.table({"id": zeros, "code": pa.array([b"ab"] * rows, pa.binary(2))}), path)
    with pytest.raises(L2HError, match=f"{path} has a row group of .* bytes, over the limit of 10000"):
        read_bare_codes(path, 11)
    columns = {"query_id": zeros, "average_precision": zeros * 0.0, "average_precision_unseen": zeros * 0.0}
    key = {name: pa.repeat(pa.scalar(CELL[name], kind), rows) for name, kind in CELL_KEY.items()}
    pq.write_table(pa.table({**key, **columns}), path)
    with pytest.raises(L2HError, match=f"{path} has a row group of .* bytes, over the limit of 10000"):
        list(iter_queries(path))


def footer(rows=1, size=8):
    """The footer of a table with one row group and one column."""
    column = SimpleNamespace(num_values=rows, total_uncompressed_size=size)
    group = SimpleNamespace(num_rows=rows, num_columns=1, column=lambda _: column)
    return SimpleNamespace(num_row_groups=1, row_group=lambda _: group)


def test_the_limits_are_those_of_security_md(tmp_path):
    """A row group of 1 GiB, 8 bytes a value; a table of 100 times its file; JSON of 64 MiB."""
    path = tmp_path / "t"
    path.write_text("no JSON")
    os.truncate(path, 2**24)
    for fits in (footer(rows=2**27), footer(size=2**30)):
        limits.require_group(fits, 0, path)
    for larger in (footer(rows=2**27 + 1), footer(size=2**30 + 1)):
        with pytest.raises(L2HError, match=f"{path} has a row group of .* bytes, over the limit of {2**30}"):
            limits.require_group(larger, 0, path)
    limits.require_table(footer(size=100 * 2**24), path)
    with pytest.raises(L2HError, match=f"{path} would take {100 * 2**24 + 1} bytes of memory, from {2**24} in"):
        limits.require_table(footer(size=100 * 2**24 + 1), path)
    os.truncate(path, 2**26)
    with pytest.raises(json.JSONDecodeError):
        limits.read_json(path)
    os.truncate(path, 2**26 + 1)
    with pytest.raises(ValueError, match="larger than 64 MiB"):
        limits.read_json(path)


def test_rows_claimed_by_the_footer_alone_are_refused(tmp_path):
    """Found by atheris: arrow allocates as many rows as a row group claims, here 2^35 instead of 2."""
    path = tmp_path / "t"
    pq.write_table(table(manifests.MANIFEST, MANIFEST, MANIFEST), path)
    change_footer(path, b"\x16\x04&\x08", b"\x16\x80\x80\x80\x80\x80\x02&\x08")  # thrift: num_rows, then file_offset 4
    assert pq.read_metadata(path).row_group(0).num_rows == 2**35
    with pytest.raises(L2HError, match=r"t would take \d{13} bytes of memory, from \d{4} in the file"):
        read_manifest(path)


def change_footer(path, old, new):
    """Replace bytes that occur once in a parquet footer."""
    whole = path.read_bytes()
    start = len(whole) - 8 - int.from_bytes(whole[-8:-4], "little")
    footer = whole[start:-8]
    assert footer.count(old) == 1
    footer = footer.replace(old, new)
    path.write_bytes(whole[:start] + footer + len(footer).to_bytes(4, "little") + b"PAR1")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (b"\x15\x04\x25\x02\x18\x02id", b"\x15\x04\x25\x00\x18\x02id", "histogram size mismatch"),
        (
            b"\x19&\x00\x02\x00\x00\x00\x16\xac\x02\x16\x02&\xc4",
            b"\x19\x16\x00\x00\x00\x00\x16\xac\x02\x16\x02&\xc4",
            "histogram size mismatch",
        ),
        (
            b"\x1c\x15\x04\x195\x00\x06\x10\x19\x18\x02id\x15\x02\x16\x02\x16\xbc\x01\x16\xc4\x01&8",
            b"\x1c\x15\x06\x195\x00\x06\x10\x19\x18\x02id\x15\x02\x16\x02\x16\xbc\x01\x16\xc4\x01&8",
            "type",
        ),
    ],
    ids=["levels of a column without", "a level too few, in the second row group", "another type than the column's"],
)
def test_an_inconsistent_footer_is_refused(tmp_path, old, new, said):
    """Found by atheris: arrow aborts the process when it reads such a column."""
    path = tmp_path / "t"
    pq.write_table(pa.table({"id": [0, 1], "code": pa.array([b"ab"] * 2, pa.binary(2))}), path, row_group_size=1)
    change_footer(path, old, new)
    with pytest.raises(L2HError, match=rf"{path} is damaged or cut short \(.*{said}.*\)"):
        read_bare_codes(path, 11)


def test_tables_for_other_programs_are_limited_too(tmp_path, limited):
    path = tmp_path / "comparison.parquet"
    for column in ([0.0] * 200_000, ["x" * 5000] * 100):
        write_frame(path, pd.DataFrame({"map": column}))
        with pytest.raises(L2HError, match=rf"{path} would take \d+ bytes of memory, from \d+ in the file"):
            read_frame(path)


@pytest.mark.parametrize("column", ["location", "roles"])
def test_repeated_text_is_limited(tmp_path, limited, column):
    path = tmp_path / "t"
    row = {**MANIFEST, column: "x" * 5000 if column == "location" else ["x" * 5000]}
    pq.write_table(table(manifests.MANIFEST, *[row] * 100), path)
    with pytest.raises(L2HError, match=rf"{path} would take 500[01]00 bytes of memory"):
        read_manifest(path)


def test_a_large_file_may_be_a_large_table(tmp_path, limited):
    path, rng = tmp_path / "t", np.random.default_rng(0)
    pq.write_table(table(manifests.MANIFEST, *({**MANIFEST, "image_sha256": rng.bytes(32)} for _ in range(1000))), path)
    assert len(read_manifest(path)) == 1000


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"location": None}, "has missing values in its column location"),
        ({"labels": None}, "has missing values in its column labels"),
        ({"labels": [1, None]}, "has missing values in its column labels"),
        ({"labels": [-1]}, "has the label -1; labels count from 0"),
    ],
)
def test_rows_with_missing_values_are_refused(tmp_path, change, words):
    pq.write_table(table(manifests.MANIFEST, MANIFEST, {**MANIFEST, **change}), tmp_path / "t")
    with pytest.raises(L2HError, match=f"t {words}"):
        read_manifest(tmp_path / "t")


def test_tidy_tables_may_have_nulls(tmp_path):
    write_metrics(tmp_path / "t", [(CELL, [{"metric": "bit_balance", "value": 0.5}])], [])
    ((key, rows),) = iter_metrics(tmp_path / "t")
    assert (key, rows["ties"].to_pylist()) == (CELL, [None])


@pytest.mark.parametrize("seed", ["x", "-1", "9" * 5000, "\u0663"])
def test_a_split_with_an_invalid_seed_is_refused(tmp_path, seed):
    rows = table(SPLIT, {"id": 0, "role": "query", "image_sha256": bytes(32), "labels": [0]})
    metadata = {"protocol": "p", "seed": seed, "sha256": Split(rows, "p", 0).sha256}
    pq.write_table(rows.replace_schema_metadata(metadata), tmp_path / "t")
    with pytest.raises(L2HError, match="as its seed; an integer is expected"):
        read_split(tmp_path / "t")


def test_histograms_of_another_width_are_refused(tmp_path):
    counts = {"total": [3] * 10, "relevant": [1] * 12}, {"total": [3] * 14, "relevant": [1] * 12}
    schema = pa.schema([*CELL_KEY.items(), *HISTOGRAM])
    rows = table(schema, *({**CELL, "query_id": 0, "queries": "", **row} for row in counts))
    pq.write_table(rows, tmp_path / "t")
    with pytest.raises(L2HError, match="is not a rank histogram of 11 bits: expected lists of 12 counts"):
        list(iter_rankings(tmp_path / "t"))


@pytest.mark.parametrize("key", ["bits", "seed"])
def test_a_key_that_is_not_a_number_is_refused(key):
    with pytest.raises(L2HError, match=f"t has 'x' as its {key}; an integer"):
        cell_key({**KEY, key: "x"}, "t")


@pytest.mark.parametrize(
    ("change", "words"),
    [({"seed": None}, "has rows of several"), ({"query_id": None}, "has missing values in its column")],
)
def test_an_incomplete_cell_is_refused(tmp_path, change, words):
    row = {**CELL, "query_id": 4, "average_precision": 0.5, "average_precision_unseen": 0.5, **change}
    pq.write_table(table(pa.schema([*CELL_KEY.items(), *QUERIES]), row), tmp_path / "t")
    with pytest.raises(L2HError, match=f"t {words}"):
        list(iter_queries(tmp_path / "t"))


def test_invalid_utf_8_is_refused(tmp_path):
    path = tmp_path / "t"
    pq.write_table(table(manifests.MANIFEST, MANIFEST).replace_schema_metadata({b"dataset": b"\xff"}), path)
    with pytest.raises(L2HError, match="t is damaged or cut short|t has metadata that is not text"):
        read_metadata(path)
    pq.write_table(table(manifests.MANIFEST, MANIFEST), path)
    path.write_bytes(path.read_bytes().replace(b"image_sha256", b"\x80mage_sha256"))
    with pytest.raises(L2HError, match="t is damaged or cut short"):
        read_manifest(path)


def test_an_empty_features_table_is_refused(tmp_path):
    schema = pa.schema([("id", pa.int64()), ("feature", pa.list_(pa.float32(), 3))])
    pq.write_table(schema.empty_table(), tmp_path / "t")
    with pytest.raises(L2HError, match=r"t: no features for ids \[0\]"):
        read_features(tmp_path / "t", np.array([0]))


@pytest.mark.parametrize("content", [b"[" * 10**6, b"[]", b"1", b"\xff", b'{"a": ' + b"9" * 5000 + b"}"])
def test_json_must_be_an_object(tmp_path, content):
    (tmp_path / "gallery.json").write_bytes(content)
    with pytest.raises(L2HError, match="gallery.json is damaged or cut short"):
        read_gallery(tmp_path / "gallery.json")


def test_large_json_is_refused(tmp_path, monkeypatch):
    (tmp_path / "gallery.json").write_text(json.dumps(dict.fromkeys(GALLERY)))
    monkeypatch.setattr(limits, "MAX_JSON", 20)
    with pytest.raises(L2HError, match=r"gallery.json is damaged or cut short \(larger than"):
        read_gallery(tmp_path / "gallery.json")


@pytest.fixture
def model(tmp_path):
    """A function that rewrites a model folder, with other features in its description or other bytes."""
    hashing.make("lsh", bits=4).fit(np.random.default_rng(0).normal(size=(20, 6))).save(tmp_path / "model")
    path, text = tmp_path / "model/model.safetensors", (tmp_path / "model/model.json").read_text()
    text = text.replace('"sha256"', '"left out"')  # an attacker leaves out what would show the change

    def write(features=6, content=None):
        (tmp_path / "model/model.json").write_text(text.replace('"n_features_in": 6', f'"n_features_in": {features}'))
        if content:
            path.write_bytes(content)
        return tmp_path / "model"

    return write


@pytest.mark.parametrize("features", ["1e999", "NaN", '"6"', "true", "6.5", "-6", "null", "[6]"])
def test_an_invalid_number_of_features_is_refused(model, features):
    with pytest.raises(
        L2HError, match="is not a model that this version can use: n_features_in must be a positive integer"
    ):
        hashing.load(model(features))


def test_empty_arrays_cannot_claim_a_size(model):
    folder = model(10**13)
    shapes = {"mean_": (0, 10**13), "projection_": (10**13, 0), "intercept_": (4,)}
    save_file({name: np.zeros(shape) for name, shape in shapes.items()}, folder / "model.safetensors")
    with pytest.raises(L2HError, match="n_features_in is 10000000000000, which matches no array's shape"):
        hashing.load(folder)


@pytest.mark.parametrize(
    "content",
    [
        (2**63).to_bytes(8, "little") + b"{}",  # a header beyond all memory
        (2**27).to_bytes(8, "little") + b"{" + b" " * 2**27 + b"}",  # one that is there, larger than is read
        (64).to_bytes(8, "little") + b'{"mean_":{"dtype":"F64","shape":[9999],"data_offsets":[0,8]}}   ' + bytes(8),
        (64).to_bytes(8, "little") + b'{"mean_":{"dtype":"F64","shape":[1],"data_offsets":[8,16]}}     ' + bytes(8),
        (64).to_bytes(8, "little") + b'{"mean_":{"dtype":"O8","shape":[1],"data_offsets":[0,8]}}       ' + bytes(8),
    ],
    ids=["length", "large", "shape", "offsets", "dtype"],
)
def test_an_inconsistent_safetensors_header_is_refused(model, content):
    with pytest.raises(L2HError, match="is not a complete model"):
        hashing.load(model(content=content))


OPENED = {
    "table": read_manifest,
    "table.parquet": read_frame,
    "model.json": lambda path: read_description(path.parent),
    "checkpoint": read_checkpoint,
    "codes.npy": lambda path: hashing.make("external", bits=11, codes="x.npy").read(path, np.arange(6)),
    "images.npy": lambda path: ImageStore(path.parent, pa.table({"id": np.arange(6)})),
    "weights": lambda path: load_network(backbones.registry.get("alexnet")(), "pool5", path),
}


@pytest.mark.parametrize("name", OPENED)
@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_pipes_are_refused_without_waiting(tmp_path, name, kind):
    path = tmp_path / name
    os.mkfifo(path) if kind == "pipe" else path.symlink_to("/dev/zero")
    with pytest.raises(L2HError, match="not a regular file"):
        OPENED[name](path)


def test_a_model_with_a_pipe_is_refused(tmp_path):
    (tmp_path / "model.json").write_text("{}")
    os.mkfifo(tmp_path / "model.safetensors")
    with pytest.raises(L2HError, match="not a regular file"):
        read_model(tmp_path)
