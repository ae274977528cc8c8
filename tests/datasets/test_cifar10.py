"""CIFAR-10's archive, as Python 2 wrote it, read without executing anything."""

import hashlib
import io
import json
import pickle
import struct
import tarfile

import numpy as np
import pytest

from l2h import datasets
from l2h.datasets import cifar10, downloads
from l2h.datasets.downloads import Download, Sources
from l2h.errors import L2HError
from l2h.splits import check, make_split
from l2h.store.manifests import read_manifest, write_manifest


def text(value: bytes) -> bytes:
    """A Python 2 string as an opcode: short, or of four bytes' length."""
    return b"U" + bytes([len(value)]) + value if len(value) < 256 else b"T" + struct.pack("<i", len(value)) + value


def batch(images: np.ndarray, labels, dtype: bytes = b"u1", extra: bytes = b"") -> bytes:
    """A batch as Python 2's pickle wrote the official ones: protocol 2, byte strings, numpy's old module names."""
    pixels = images.transpose(0, 3, 1, 2).reshape(len(images), -1)
    shape = b"".join(b"M" + struct.pack("<H", size) for size in pixels.shape) + b"\x86"
    array = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85" + text(b"b") + b"\x87R(K\x01" + shape
    array += b"cnumpy\ndtype\n" + text(dtype) + b"K\x00K\x01\x87R(K\x03" + text(b"|")
    array += b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89" + text(pixels.tobytes()) + b"tb"
    numbers = b"](" + b"".join(b"K" + bytes([label]) for label in labels) + b"e"
    return b"\x80\x02}(" + text(b"data") + array + text(b"labels") + numbers + extra + b"u."


@pytest.fixture(scope="module")
def drawn():
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (12, 32, 32, 3), dtype=np.uint8), rng.permutation(np.arange(12) % 10)


def test_a_batch_written_by_python_2_is_read(drawn):
    images, labels = drawn
    content = batch(images, labels, extra=text(b"filenames") + b"](" + text(b"a.png") + b"e")
    assert pickle.loads(content, encoding="bytes")[b"data"].shape == (12, 3072)  # noqa: S301  (numpy's own format)
    found, found_labels = cifar10.read_batch(content)
    assert np.array_equal(found, images)
    assert np.array_equal(found_labels, labels)


class Evil:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def test_a_pickle_that_would_run_code_is_refused_before_it_does(tmp_path):
    evidence = tmp_path / "evidence"
    content = pickle.dumps({"data": Evil(evidence)}, protocol=2)
    with pytest.raises(L2HError, match=r"it asks for \w+\.open, which is not allowed"):
        cifar10.read_batch(content)
    assert not evidence.exists()
    pickle.loads(content)["data"].close()  # noqa: S301  (so that the test would have seen it)
    assert evidence.exists()


@pytest.mark.parametrize("name", ["os\nsystem", "builtins\neval", "numpy\nload", "numpy.core.multiarray\nscalar"])
def test_only_arrays_of_bytes_are_unpickled(name):
    with pytest.raises(L2HError, match=f"it asks for {name.replace(chr(10), '.')}"):
        cifar10.read_batch(b"\x80\x02c" + name.encode() + b"\nU\x01a\x85R.")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "not a batch of CIFAR-10"),
        (b"junk", "not a batch of CIFAR-10"),
        (b"\x80\x02}.", "not a batch of CIFAR-10"),
        (b"\x80\x02(cnumpy\ndtype\nU\x01OK\x00K\x01t.", "not a batch of CIFAR-10"),
        (batch(np.zeros((2, 32, 32, 3), np.uint8), [0, 1], dtype=b"O8"), "an array of u1 expected, not of b'O8'"),
        (batch(np.zeros((2, 32, 32, 3), np.uint8), [0, 1, 2]), "labels that are not one of 0 to 9 for each"),
        (batch(np.zeros((2, 32, 32, 3), np.uint8), [0, 10]), "labels that are not one of 0 to 9 for each"),
        (batch(np.zeros((2, 31, 32, 3), np.uint8), [0, 1]), "not a batch of CIFAR-10: cannot reshape"),
        (batch(np.zeros((2, 32, 32, 3), np.uint8), [0, 1])[:3000], "not a batch of CIFAR-10"),
    ],
    ids=lambda value: "content" if isinstance(value, bytes) else None,
)
def test_an_invalid_batch_is_one_line(content, words):
    with pytest.raises(L2HError, match=words) as caught:
        cifar10.read_batch(content)
    assert "\n" not in str(caught.value)


def archive(path, contents):
    with tarfile.open(path, "w:gz", compresslevel=1) as tar:
        for name, content in contents.items():
            member = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))


def test_members_are_read_by_name_and_within_bounds(tmp_path, monkeypatch):
    path = tmp_path / "x.tar.gz"
    archive(path, {"b": b"second", "../a": b"elsewhere", "a": b"first"})
    assert cifar10.read_members(path, "cifar-10-batches-py", ["a", "b"]) == [b"first", b"second"]
    with pytest.raises(L2HError, match="lacks c; delete it and run again"):
        cifar10.read_members(path, "cifar-10-batches-py", ["a", "c"])
    monkeypatch.setattr(cifar10, "MAX_BYTES", 5)
    with pytest.raises(L2HError, match="lacks b"):
        cifar10.read_members(path, "cifar-10-batches-py", ["a", "b"])
    with tarfile.open(path, "w:gz") as tar:
        link = tarfile.TarInfo("cifar-10-batches-py/a")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    with pytest.raises(L2HError, match="lacks a"):
        cifar10.read_members(path, "cifar-10-batches-py", ["a"])


def test_batches_are_read_in_order(tmp_path, monkeypatch):
    """Batches of 100 images, with made-up pixels, behind an archive of another checksum."""
    images = np.random.default_rng(1).integers(0, 256, (600, 32, 32, 3), dtype=np.uint8)
    labels = np.arange(600) % 10
    parts = [slice(start, start + 100) for start in range(0, 600, 100)]
    path = tmp_path / cifar10.NAME
    archive(path, {name: batch(images[part], labels[part]) for name, part in zip(cifar10.BATCHES, parts, strict=True)})
    known = Download(cifar10.NAME, path.stat().st_size, hashlib.sha256(path.read_bytes()).hexdigest(), ())
    monkeypatch.setattr(cifar10, "ARCHIVE", known)
    datasets.registry.get("cifar10")(Sources(tmp_path)).prepare(tmp_path / "images", tmp_path / "manifest.parquet")
    manifest = read_manifest(tmp_path / "manifest.parquet")
    assert np.array_equal(np.load(tmp_path / "images/images.npy"), images)
    assert manifest["labels"].to_pylist() == [[i % 10] for i in range(600)]
    assert json.loads(manifest.schema.metadata[b"classes"])[3] == "cat"


def test_a_full_batch_is_within_the_size_limit(tmp_path):
    content = batch(np.zeros((10_000, 32, 32, 3), np.uint8), np.arange(10_000) % 10)
    archive(tmp_path / "x.tar.gz", {"test_batch": content})
    assert cifar10.read_members(tmp_path / "x.tar.gz", "cifar-10-batches-py", ["test_batch"]) == [content]


@pytest.fixture(scope="module")
def manifest(tmp_path_factory):
    """Of as many images as there are, 6,000 a class."""
    path = tmp_path_factory.mktemp("cifar10") / "manifest.parquet"
    hashes = [number.to_bytes(32, "big") for number in range(60_000)]
    write_manifest(path, hashes, [[i % 10] for i in range(60_000)], [f"images.npy[{i}]" for i in range(60_000)])
    return read_manifest(path)


@pytest.mark.parametrize(
    ("name", "sizes", "query"),
    [
        ("cifar10-1", (1000, 5000, 59_000), 100),
        ("cifar10-54k", (1000, 5000, 54_000), 100),
        ("cifar10-2", (10_000, 50_000, 50_000), 1000),
    ],
)
def test_protocols_have_their_published_sizes(manifest, name, sizes, query):
    split = make_split(manifest, name, datasets.registry.get("cifar10").protocols[name], 0)
    check(split)
    queries, train, database = (split.ids(role) for role in ("query", "train", "database"))
    assert (len(queries), len(train), len(database)) == sizes
    assert np.bincount(split.labels(queries)).tolist() == [query] * 10
    assert np.bincount(split.labels(train)).tolist() == [sizes[1] // 10] * 10
    assert np.isin(train, database).all() == (name != "cifar10-54k")
    assert np.isin(train, database).any() == (name != "cifar10-54k")


def test_an_archive_with_a_wrong_checksum_is_not_opened(tmp_path, monkeypatch):
    archive(tmp_path / cifar10.NAME, {"data_batch_1": pickle.dumps(Evil(tmp_path / "evidence"))})
    monkeypatch.setattr(cifar10, "ARCHIVE", Download(cifar10.NAME, 170_498_071, cifar10.ARCHIVE.sha256, ()))
    monkeypatch.setattr(downloads, "PAUSES", ())
    monkeypatch.setattr(tarfile, "open", None)
    with pytest.raises(L2HError, match=r"cifar-10-python\.tar\.gz is not available .* sha256 6d958be0"):
        datasets.registry.get("cifar10")(Sources(tmp_path)).load()
    assert not (tmp_path / "evidence").exists()
