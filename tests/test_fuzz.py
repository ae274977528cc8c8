"""Untrusted files: any bytes, and any change of a valid file, give a value or one clear line that names the file.

A longer run: `L2H_FUZZ_EXAMPLES=20000 pytest tests/test_fuzz.py`.
"""

import copy
import gzip
import json
import os
from pathlib import Path
from typing import get_origin

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.numpy import save_file

from cell import CELL, KEY
from l2h import codes, datasets, hashing, splits
from l2h.datasets.downloads import Sources
from l2h.datasets.images import ImageStore
from l2h.datasets.lists import read_lists
from l2h.datasets.problems import Problems
from l2h.errors import L2HError
from l2h.ranking import RankedRelevance, RankHistogram
from l2h.runs import description
from l2h.store import footer, manifests
from l2h.store.arrays import open_arrays
from l2h.store.cells import CELL_KEY
from l2h.store.codes import read_codes, write_codes
from l2h.store.features import read_features, write_features
from l2h.store.manifests import read_manifest, write_manifest
from l2h.store.models import read_checkpoint, write_checkpoint
from l2h.store.rankings import HISTOGRAM, iter_rankings, ranking_writer
from l2h.store.results import (
    GALLERY,
    METRICS,
    QUERIES,
    iter_metrics,
    iter_queries,
    read_gallery,
    write_metrics,
    write_queries,
)
from l2h.store.splits import SPLIT, read_split, write_split
from l2h.store.thumbnails import THUMBNAILS, read_thumbnails, write_thumbnails

EXAMPLES = int(os.environ.get("L2H_FUZZ_EXAMPLES", "30"))  # of each test
fuzzed = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))

IDS = np.arange(6)
MANIFEST = pa.table({"id": IDS, "image_sha256": pa.array([bytes([number] * 32) for number in IDS], pa.binary(32))})
TABLES = {
    "manifest": (manifests.MANIFEST, read_manifest),
    "thumbnails": (THUMBNAILS, lambda path: read_thumbnails(path, MANIFEST)),
    "split": (SPLIT, lambda path: splits.check(read_split(path))),
    "histograms": (pa.schema([*CELL_KEY.items(), *HISTOGRAM]), lambda path: list(iter_rankings(path))),
    "relevance": (
        pa.schema(
            [
                *CELL_KEY.items(),
                ("query_id", pa.int64()),
                ("relevant", pa.binary(2)),
                ("tied", pa.binary(2)),
                ("items", pa.int64()),
            ]
        ),
        lambda path: list(iter_rankings(path)),
    ),
    "queries": (pa.schema([*CELL_KEY.items(), *QUERIES]), lambda path: list(iter_queries(path))),
    "metrics": (pa.schema([*CELL_KEY.items(), *METRICS]), lambda path: list(iter_metrics(path))),
    "features": (pa.schema([("id", pa.int64()), ("feature", pa.list_(pa.float32(), 3))]), None),
    "codes": (pa.schema([("id", pa.int64()), ("code", pa.binary(2))]), None),
}
ARRAYS = {"features": lambda path: read_features(path, IDS), "codes": lambda path: read_codes(path, IDS)}
READERS = {name: read or ARRAYS[name] for name, (_, read) in TABLES.items()} | {
    "list": lambda path: read_lists({"images": path}, path.parent, Problems()),
    "list.gz": lambda path: read_lists({"images": path}, path.parent, Problems()),
    "gallery.json": read_gallery,
    "checkpoint": read_checkpoint,
    "images.npy": lambda path: ImageStore(path.parent, pa.table({"id": IDS})),
    "run.json": lambda path: description.read(path.parent),
    "codes.npy": lambda path: hashing.make("external", bits=11, codes="x.npy").read(path, IDS),
    "codes.parquet": lambda path: hashing.make("external", bits=11, codes="x.npy").read(path, IDS),
    **{
        name: lambda path: [array.read() for array in open_arrays(path).values()]
        for name in ("vectors.npy", "vectors.npz", "vectors.parquet", "vectors.safetensors")
    },
}
METHODS = ["lsh", "itq", "sh", "hashnet", "pq", "cosine"]


def judged(read, path, named=None):
    """Read a file: a value or one line that names the file is accepted; a split's check names the split."""
    try:
        read(path)
        return
    except splits.SplitError:
        return
    except L2HError as error:
        said = str(error)
    assert str(named or path.name) in said
    assert "\n" not in said


@pytest.fixture(scope="module")
def valid(tmp_path_factory):
    """A valid file of each kind, by name, and a folder to write others to; untrusted files have no seal."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(footer, "seal", lambda path: None)
        folder = write_valid(tmp_path_factory)
    for path in folder.rglob("*.json"):
        path.write_text(path.read_text().replace('"sha256"', '"left out"'))
    return folder


def write_valid(tmp_path_factory):
    folder, rng = tmp_path_factory.mktemp("valid"), np.random.default_rng(0)
    hashes = [bytes([number] * 32) for number in range(6)]
    write_manifest(folder / "manifest", hashes, [[0], [1]] * 3, [f"images.npy[{row}]" for row in range(6)])
    write_thumbnails(folder / "thumbnails", MANIFEST, rng.integers(0, 256, (6, 16, 16), dtype=np.uint8))
    dealt = splits.Protocol(query=1, train=1)
    split = splits.make_split(read_manifest(folder / "manifest"), "p", dealt, 0)
    write_split(folder / "split", split)
    histogram = RankHistogram(np.full((2, 12), 3), np.full((2, 12), 1), "digest")
    with ranking_writer(folder / "histograms") as write:
        write(CELL, np.array([4, 5]), histogram)
    relevant = codes.pack(rng.random((2, 13)) < 0.5)
    ranking = RankedRelevance(relevant, np.zeros_like(relevant), 13)
    with ranking_writer(folder / "relevance") as write:
        write(CELL, np.array([4, 5]), ranking)
    figures = {"query_id": [4, 5], "average_precision": [0.5, 1.0], "average_precision_unseen": [0.5, 0.25]}
    write_queries(folder / "queries", [(CELL, {name: pa.array(values) for name, values in figures.items()})], [])
    row = {"metric": "map", "k": None, "ties": "best", "normalise": "relevant", "value": 0.5}
    write_metrics(folder / "metrics", [(CELL, [row])], [])
    write_features(folder / "features", [(IDS, rng.normal(size=(6, 3)))], "float32", KEY)
    packed = codes.pack(rng.random((6, 11)) < 0.5)
    for name in ("codes", "codes.parquet"):
        write_codes(folder / name, [(IDS, packed)], KEY)
    np.save(folder / "codes.npy", packed)
    vectors = {"vectors": rng.normal(size=(6, 3)), "labels": IDS}
    np.save(folder / "vectors.npy", vectors["vectors"])
    np.savez_compressed(folder / "vectors.npz", **vectors)
    pq.write_table(pa.table({name: list(some) for name, some in vectors.items()}), folder / "vectors.parquet")
    save_file(vectors, folder / "vectors.safetensors")
    np.save(folder / "images.npy", np.zeros((6, 4, 4), np.uint8))
    write_checkpoint(folder / "checkpoint", {"epoch": 3}, {"weight": rng.normal(size=(3, 2))})
    (folder / "list").write_text("a b/1.png 0 1\nc.png\t1 0 \n")
    (folder / "list.gz").write_bytes(gzip.compress((folder / "list").read_bytes()))
    (folder / "gallery.json").write_text(json.dumps(dict.fromkeys(GALLERY)))
    kinds = {name: field.annotation for name, field in description.Facts.model_fields.items()}
    facts = {name: (get_origin(kind) or kind)() for name, kind in kinds.items() if name != "settings"}
    settings = {"bits": [8], "seeds": [0], "threads": {"features": 1}}
    description.write({**facts, "settings": settings}, folder / "run.json")
    for method in METHODS:
        fitted = hashing.make(method, bits=8, random_state=0, **({"epochs": 1} if method == "hashnet" else {}))
        fitted.fit(rng.normal(size=(300, 8)).astype(np.float32), np.arange(300) % 3).save(folder / method)
    for path in folder.iterdir():
        if path.is_file():
            READERS[path.name](path)
        else:
            hashing.load(path)
    return folder


@st.composite
def changed(draw, whole):
    """Bytes with some of them changed, cut out or put in."""
    data = bytearray(whole)
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, max(0, len(data) - 1)) | st.integers(max(0, len(data) - 600), len(data)))
        width = draw(st.sampled_from([0, 1, 1, 4, 8, 64]))
        data[place : place + width] = draw(st.binary(max_size=width or 8))
    return bytes(data)


@pytest.mark.parametrize("name", list(READERS))
@fuzzed
@given(data=st.data())
def test_any_bytes_are_refused_or_read(valid, tmp_path, name, data):
    (tmp_path / name).write_bytes(data.draw(st.binary(max_size=200) | changed((valid / name).read_bytes())))
    judged(READERS[name], tmp_path / name)


WORDS = st.text(max_size=20) | st.sampled_from(["0", "1", "-1", "11", "9" * 20, "1" * 5000, "x", "query", "database"])
METADATA = st.dictionaries(st.sampled_from([*KEY, "queries", "items", "protocol", "seed", "sha256"]), WORDS)


def values(kind):
    """Values of a column, and null."""
    if pa.types.is_list(kind):
        return st.none() | st.lists(values(kind.value_type), max_size=13)
    if pa.types.is_fixed_size_list(kind):
        return st.none() | st.lists(values(kind.value_type), min_size=kind.list_size, max_size=kind.list_size)
    if pa.types.is_fixed_size_binary(kind):
        return st.none() | st.binary(min_size=kind.byte_width, max_size=kind.byte_width)
    if pa.types.is_integer(kind):
        bound = 2 ** (kind.bit_width - 1)
        return st.none() | st.integers(0, 5) | st.integers(-bound, bound - 1)
    return st.none() | (st.floats(width=32) if pa.types.is_floating(kind) else WORDS)


@pytest.mark.parametrize("name", list(TABLES))
@fuzzed
@given(data=st.data())
def test_any_rows_and_metadata_are_refused_or_read(tmp_path, name, data):
    schema = TABLES[name][0]
    n = data.draw(st.integers(0, 4))
    columns = [data.draw(st.lists(values(field.type), min_size=n, max_size=n)) for field in schema]
    table = pa.table([pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)], schema)
    metadata = data.draw(st.just({}) | st.just({"protocol": "p", "seed": "0"})) | data.draw(METADATA)
    if data.draw(st.booleans()):
        metadata = {**KEY, "queries": "", **metadata}
    if name == "split" and data.draw(st.booleans()):
        try:
            metadata["sha256"] = splits.Split(table, metadata.get("protocol", ""), int(metadata["seed"])).sha256
        except (AttributeError, KeyError, TypeError, ValueError):  # of rows or a seed that no split has
            metadata["sha256"] = ""
    pq.write_table(table.replace_schema_metadata(metadata), tmp_path / name)
    judged(READERS[name], tmp_path / name)


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just(10**12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@st.composite
def changed_json(draw, document):
    """A document with another value, or none, in some places."""
    document = copy.deepcopy(document)
    for _ in range(draw(st.integers(1, 3))):
        place, parent = document, None
        while isinstance(place, dict | list) and place and draw(st.integers(0, 9)) < 8:
            key = draw(st.sampled_from(list(place) if isinstance(place, dict) else range(len(place))))
            place, parent = place[key], (place, key)
        if parent is None:
            return draw(ANY)
        if draw(st.booleans()):
            parent[0][parent[1]] = draw(ANY)
        else:
            del parent[0][parent[1]]
    return document


@pytest.mark.parametrize("method", METHODS)
@fuzzed
@given(data=st.data())
def test_any_model_json_is_refused_or_read(valid, tmp_path, method, data):
    (tmp_path / "model.safetensors").write_bytes((valid / method / "model.safetensors").read_bytes())
    document = data.draw(changed_json(json.loads((valid / method / "model.json").read_text())))
    (tmp_path / "model.json").write_text(json.dumps(document))
    judged(hashing.load, tmp_path)


@pytest.mark.parametrize("method", METHODS)
@fuzzed
@given(data=st.data())
def test_any_safetensors_are_refused_or_read(valid, tmp_path, method, data):
    (tmp_path / "model.json").write_bytes((valid / method / "model.json").read_bytes())
    whole = (valid / method / "model.safetensors").read_bytes()
    size = int.from_bytes(whole[:8], "little")
    header = data.draw(changed(whole[8 : 8 + size]) | changed_json(json.loads(whole[8 : 8 + size])).map(json_bytes))
    length = data.draw(st.just(len(header)) | st.integers(0, 2**64 - 1))
    (tmp_path / "model.safetensors").write_bytes(length.to_bytes(8, "little") + header + whole[8 + size :])
    judged(hashing.load, tmp_path)


def json_bytes(document):
    return json.dumps(document).encode()


@fuzzed
@given(lines=st.lists(st.text(max_size=12).flatmap(lambda name: st.tuples(st.just(name), WORDS, WORDS)), max_size=4))
def test_any_list_of_images_is_refused_or_read(tmp_path, lines):
    (tmp_path / "root").mkdir(exist_ok=True)
    path = tmp_path / "list.txt"
    path.write_bytes("\n".join(map(" ".join, lines)).encode("utf-8", "surrogatepass"))
    dataset = datasets.make("image_list", Sources(tmp_path), root=str(tmp_path / "root"), images=str(path))
    dataset.made_of()
    judged(lambda _: dataset.prepare(tmp_path / "images", tmp_path / "manifest.parquet"), path, Path("root"))
