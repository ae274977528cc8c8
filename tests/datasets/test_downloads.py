"""Downloads from a local server and from local mirrors."""

import gzip
import hashlib
import logging
import re
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import requests

from l2h import backbones, datasets
from l2h.datasets import cifar10, downloads
from l2h.datasets.downloads import Download, Sources, fetch
from l2h.errors import L2HError
from l2h.splits import check, make_split
from l2h.store.manifests import read_manifest

BODY = np.random.default_rng(0).integers(0, 4, 3_000_000, dtype=np.uint8).tobytes()  # more than two blocks
GZIPPED = gzip.compress(BODY, 1)
NOWHERE = "http://127.0.0.1:1/sub/file"


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch):
    monkeypatch.setattr(downloads, "PAUSES", (0, 0))


def whole(body: bytes) -> tuple:
    return (200, body, None)


def wanted(*urls: str) -> Download:
    return Download("sub/file", len(BODY), hashlib.sha256(BODY).hexdigest(), urls)


def files(folder) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("gzipped", [False, True])
def test_files_come_from_the_web(gzipped, serve, tmp_path, caplog):
    caplog.set_level(logging.INFO, "l2h")
    url = serve(whole(GZIPPED), name="file.gz") if gzipped else serve(whole(BODY))
    assert fetch(wanted(url), tmp_path) == tmp_path / "sub/file"
    assert (tmp_path / "sub/file").read_bytes() == BODY
    assert files(tmp_path) == ["sub/file"]
    assert re.search(r"file: 3 of 3 MiB, [\d.]+ MiB/s", caplog.text)
    assert fetch(wanted(NOWHERE), tmp_path) == tmp_path / "sub/file"  # the second time, no web


@pytest.mark.parametrize("name", ["sub/file", "sub/file.gz", "file", "file.gz"])
def test_a_local_mirror_comes_first(name, tmp_path):
    copy = tmp_path / "mirror" / name
    copy.parent.mkdir(parents=True)
    copy.write_bytes(GZIPPED if name.endswith(".gz") else BODY)
    assert fetch(wanted(NOWHERE), tmp_path / "here", tmp_path / "mirror").read_bytes() == BODY


@pytest.mark.parametrize("name", ["file", "file.gz"])
def test_a_placed_file_is_used(name, tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / name).write_bytes(GZIPPED if name.endswith(".gz") else BODY)
    assert fetch(wanted(NOWHERE), tmp_path).read_bytes() == BODY


FAULTS = {
    "no server": None,
    "missing": (404, b"not here", None),
    "another file": whole(b"<html>please log in</html>"),
    "cut short": (200, BODY[:-10], len(BODY)),
    "cut short, and says so": whole(BODY[:-10]),
    "a bit flipped": whole(BODY[:-1] + bytes([BODY[-1] ^ 1])),
    "more than announced": whole(BODY + b"x"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_the_next_mirror_is_tried(fault, serve, tmp_path):
    bad = NOWHERE if FAULTS[fault] is None else serve(FAULTS[fault])
    assert fetch(wanted(bad, serve(whole(BODY))), tmp_path).read_bytes() == BODY


@pytest.mark.parametrize("fault", FAULTS)
def test_failures_name_the_file_and_its_folder(fault, serve, tmp_path):
    url = NOWHERE if FAULTS[fault] is None else serve(FAULTS[fault])
    with pytest.raises(L2HError) as caught:
        fetch(wanted(url), tmp_path)
    message = str(caught.value)
    assert "\n" not in message
    for part in (url, wanted().sha256, str(tmp_path / "sub/file"), "yourself", "dataset_mirror", "plain or gzipped"):
        assert part in message
    assert files(tmp_path) == []


def test_a_redirect_away_from_https_is_refused(serve, tmp_path, monkeypatch):
    there, get = serve(whole(BODY)), requests.get
    monkeypatch.setattr(requests, "get", lambda url, **how: get(there, **how))
    with pytest.raises(L2HError, match=f"it redirects to {there}, not over HTTPS all the way"):
        fetch(wanted("https://data.test/file"), tmp_path)
    assert files(tmp_path) == []


def test_a_failing_server_is_tried_again(serve, tmp_path):
    url = serve((503, b"busy", None), whole(BODY))
    assert fetch(wanted(url), tmp_path).read_bytes() == BODY


@pytest.mark.parametrize(
    "content", [b"no gzip", GZIPPED[:-9], gzip.compress(b"\0" * 10**7)], ids=["none", "cut", "large"]
)
def test_invalid_truncated_or_large_gzip_files_are_refused(content, serve, tmp_path):
    with pytest.raises(
        L2HError, match=r"file\.gz: (not a complete gzip file|its content is larger than the 3000000 bytes)"
    ):
        fetch(wanted(serve(whole(content), name="file.gz")), tmp_path)


def test_a_copy_with_a_wrong_checksum_is_skipped_with_a_warning(serve, tmp_path, caplog):
    (tmp_path / "mirror").mkdir()
    (tmp_path / "mirror" / "file").write_bytes(b"other" * 600_000)
    assert fetch(wanted(serve(whole(BODY))), tmp_path / "here", tmp_path / "mirror").read_bytes() == BODY
    assert f"{tmp_path}/mirror/file is skipped: its content has the sha256" in caplog.text


def declared(value):
    """All that are named in a module, a class or a collection."""
    if isinstance(value, Download):
        return [value]
    parts = value.values() if isinstance(value, Mapping) else value if isinstance(value, tuple | list) else ()
    return [one for part in parts for one in declared(part)]


def test_every_download_is_by_https_of_a_known_size_and_checksum():
    found = []
    for registry in (datasets.registry, backbones.registry):
        for cls in (registry.get(name) for name in registry.names() if "<" not in name):
            found += declared(vars(sys.modules[cls.__module__])) + declared(vars(cls))
    assert {Path(one.path).name for one in found} > {
        cifar10.NAME,
        "train-images-idx3-ubyte",
        "alexnet-owt-7be5be79.pth",
    }
    for one in found:
        assert all(url.startswith("https://") for url in one.urls)
        assert one.size > 0
        assert re.fullmatch("[0-9a-f]{64}", one.sha256)


@pytest.fixture(scope="module")
def mnist(shared_data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("downloads")
    return datasets.registry.get("mnist")(Sources(folder, shared_data))


FASHION = Path("/usr/share/datasets/fashion-mnist")


@pytest.mark.skipif(not FASHION.is_dir(), reason="Debian's package dataset-fashion-mnist is not installed")
def test_fashion_mnist_is_read_from_debian_s_package(tmp_path):
    images, labels = datasets.registry.get("fashion_mnist")(Sources(tmp_path, FASHION)).load()
    assert images.shape == (70_000, 28, 28)
    assert np.bincount(np.ravel(labels)).tolist() == [7000] * 10
    assert labels[:3] == [[9], [0], [0]]
    assert images[0].sum() == 76_247
    assert labels[60_000:60_002] == [[9], [2]]


class TestMnist:
    def test_all_70_000_images_are_read(self, mnist):
        images, labels = mnist.load()
        assert images.shape == (70_000, 28, 28)
        assert labels[:5] == [[5], [0], [4], [1], [9]]
        assert labels[60_000:60_003] == [[7], [2], [1]]
        assert np.bincount(np.ravel(labels)).tolist() == [6903, 7877, 6990, 7141, 6824, 6313, 6876, 7293, 6825, 6958]
        assert images[0, 5, 12:16].tolist() == [3, 18, 18, 18]

    def test_the_protocol_has_its_published_sizes(self, mnist, tmp_path):
        mnist.prepare(tmp_path / "images", tmp_path / "manifest.parquet")
        manifest = read_manifest(tmp_path / "manifest.parquet")
        split = make_split(manifest, "mnist-1k", mnist.protocols["mnist-1k"], seed=0)
        sizes = {role: len(split.ids(role)) for role in ("query", "train", "database")}
        assert sizes == {"query": 1000, "train": 5000, "database": 69_000}
        assert np.bincount(split.labels(split.ids("query"))).tolist() == [100] * 10
        assert np.bincount(split.labels(split.ids("train"))).tolist() == [500] * 10

    def test_the_official_split_is_used(self, mnist, tmp_path):
        mnist.prepare(tmp_path / "images", tmp_path / "manifest.parquet")
        split = make_split(read_manifest(tmp_path / "manifest.parquet"), "mnist-official", None, seed=0)
        check(split)
        assert split.ids("query").tolist() == list(range(60_000, 70_000))
        assert split.ids("train").tolist() == split.ids("database").tolist() == list(range(60_000))

    def test_offline_the_error_names_file_checksum_and_folder(self, tmp_path, monkeypatch):
        def refuse(*arguments, **options):
            raise requests.ConnectionError("no network")

        monkeypatch.setattr(requests, "get", refuse)
        with pytest.raises(L2HError) as caught:
            datasets.registry.get("mnist")(Sources(tmp_path)).load()
        for part in (f"{tmp_path}/MNIST/raw/train-images-idx3-ubyte", "ba891046", "dataset_mirror"):
            assert part in str(caught.value)
