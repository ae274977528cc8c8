"""Whether a dataset's own files changed: a touched file did not, a replaced one did."""

import os

import pytest

from l2h import datasets
from l2h.datasets import followed
from l2h.datasets.downloads import Sources
from l2h.store.manifests import read_followed


class Folder:
    """A dataset's files and its record."""

    def __init__(self, path):
        self.path, self.record, self.time = path / "own", path / "followed.parquet", 10**18
        self.path.mkdir()
        self.put("a.npy", b"first")
        self.put("b/c.npy", b"second")

    def put(self, name, content):
        """Write a file that is newer than all others."""
        path = self.path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        self.time += 10**9
        os.utime(path, ns=(self.time, self.time))

    def state(self):
        return followed.state(self.record, [self.path])

    def make(self):
        name, before = self.state(), followed.snapshot([self.path])
        followed.remember(self.record, name, before, {})
        return name


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path)


def test_an_unchanged_file_keeps_its_name(folder):
    name = folder.state()
    assert folder.make() == name == folder.state()


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: folder.put("a.npy", b"other"),  # as many bytes
        lambda folder: folder.put("a.npy", b"longer than before"),
        lambda folder: folder.put("b/new.npy", b"new"),
        lambda folder: (folder.path / "b/c.npy").unlink(),
        lambda folder: (folder.path / "a.npy").rename(folder.path / "d.npy"),
    ],
)
def test_a_changed_file_gets_another_name(folder, change):
    name = folder.make()
    change(folder)
    other = folder.state()
    assert other not in ("", name)
    assert folder.make() == other == folder.state()


def test_a_touched_file_is_read_once(folder):
    name = folder.make()
    folder.put("a.npy", b"first")
    assert folder.state() == name
    _, known = read_followed(folder.record)
    found = os.stat(folder.path / "a.npy")
    assert known[str(folder.path / "a.npy")][:2] == (found.st_size, found.st_mtime_ns)
    assert folder.state() == name


def test_a_file_replaced_during_preparation_counts_as_changed(folder):
    name, before = folder.state(), followed.snapshot([folder.path])
    folder.put("a.npy", b"other")
    followed.remember(folder.record, name, before, {})
    assert folder.state() != name


def test_files_read_but_not_listed_are_followed(folder):
    listed, read = folder.path / "a.npy", str(folder.path / "b/c.npy")
    seen = {read: (*followed.stat(read), bytes(32))}
    followed.remember(folder.record, "name", followed.snapshot([listed]), seen)
    assert followed.state(folder.record, [listed]) == "name"
    folder.put("b/c.npy", b"third!")
    assert followed.state(folder.record, [listed]) != "name"


def test_a_dataset_without_own_files_never_changes(tmp_path):
    dataset = datasets.make("digits", Sources(tmp_path))
    record = tmp_path / "followed.parquet"
    assert followed.state(record, dataset.made_of()) == ""
    followed.remember(record, "", followed.snapshot(dataset.made_of()), dataset.seen)
    assert followed.state(record, dataset.made_of()) == ""
