"""Folders of image files: every invalid input is found first, counted and named."""

import gzip
import hashlib
import io
import logging
import os
import re

import numpy as np
import pytest
from PIL import Image

from l2h import datasets
from l2h.datasets import list_formats, lists
from l2h.datasets.downloads import Sources
from l2h.datasets.images import ImageStore
from l2h.datasets.problems import Problems
from l2h.errors import L2HError
from l2h.notes import Note
from l2h.splits import SplitError, check, make_split
from l2h.store.manifests import read_classes, read_manifest, read_notes
from test_images import png


def encoded(number, kind="PNG", mode="RGB", size=(8, 6), **options):
    """An encoded image whose pixels depend on the number."""
    pixels = np.random.default_rng(number).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(file, kind, **options)
    return file.getvalue()


@pytest.fixture
def folder(tmp_path):
    """A function that writes images and lists, and returns the prepared dataset's manifest."""
    root = tmp_path / "root"
    root.mkdir()

    class Folder:
        path = root

        def write(self, **contents):
            for name, content in contents.items():
                self.put(name, content)

        def put(self, name, content):
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
            return path

        def lists(self, **texts):
            return {role: str(self.put(f"{role}.txt", text)) for role, text in texts.items()}

        def make(self, **params):
            return datasets.make("image_list", Sources(tmp_path / "downloads"), root=str(root), **params)

        def prepare(self, dataset=None, **params):
            (dataset or self.make(**params)).prepare(tmp_path / "images", tmp_path / "manifest.parquet")
            return read_manifest(tmp_path / "manifest.parquet")

        def refused(self, **params):
            with pytest.raises(L2HError) as caught:
                self.prepare(**params)
            assert not (tmp_path / "images").exists()
            assert not (tmp_path / "manifest.parquet").exists()
            assert "\n" not in str(caught.value)
            return str(caught.value)

    return Folder()


UNLABELLED = "queries without a label (drop_unlabelled_queries: true leaves them out)"
UNREAD = (
    "lines in an unknown format (known: `a.png 3`, one class, in every line; `a.png 0 1 0`, 0 or 1 for each label, "
    "in every line; or CSV that begins with `path,label`)"
)
THREE = {"query": "q.png 0 1\n", "train": "t.png 1 0\n", "database": "t.png 1 0\nd.png 1 1\n"}


@pytest.fixture
def good(folder):
    for number, name in enumerate(("q.png", "t.png", "d.png")):
        folder.put(name, encoded(number))
    return folder


class TestLists:
    def test_three_lists_give_roles_and_labels(self, good, tmp_path):
        manifest = good.prepare(**good.lists(**THREE))
        assert manifest["location"].to_pylist() == ["root/q.png", "root/t.png", "root/d.png"]
        assert manifest["labels"].to_pylist() == [[1], [0], [0, 1]]
        assert read_classes(tmp_path / "manifest.parquet") == []
        assert manifest["roles"].to_pylist() == [["query"], ["train", "database"], ["database"]]
        files = [hashlib.sha256((good.path / name).read_bytes()).digest() for name in ("q.png", "t.png", "d.png")]
        assert manifest["image_sha256"].to_pylist() == files
        assert [image.shape for image in ImageStore(tmp_path / "images", manifest).read(np.arange(3))] == [
            (6, 8, 3)
        ] * 3
        split = make_split(manifest, "lists", None, 0)
        check(split)
        assert [split.ids(role).tolist() for role in ("query", "train", "database")] == [[0], [1], [1, 2]]

    def test_lists_may_be_gzipped_and_paths_may_have_spaces(self, folder):
        folder.put("a b/1 2.png", encoded(0))
        folder.put("c.png", encoded(1))
        text = "\ufeff./a b//1 2.png 0 1 \r\n\n./c.png\t1\t0"
        path = folder.put("all.txt.gz", gzip.compress(text.encode()))
        manifest = folder.prepare(images=str(path))
        assert manifest["location"].to_pylist() == ["root/a b/1 2.png", "root/c.png"]
        assert manifest["labels"].to_pylist() == [[1], [0]]
        assert manifest["roles"].to_pylist() == [[], []]

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            ({"query": "/etc/q.png 0 1"}, "absolute paths: 1 (query line 1 /etc/q.png)"),
            ({"query": "C:\\q.png 0 1"}, "absolute paths: 1 (query line 1 C:\\q.png)"),
            ({"query": "a/../q.png 0 1"}, "paths with ..: 1 (query line 1 a/../q.png)"),
            ({"query": "q\0.png 0 1"}, "paths with control characters, or not in UTF-8: 1 (query line 1 q?.png)"),
            (
                {"query": "\x1b[31mq.png 0 1"},
                "paths with control characters, or not in UTF-8: 1 (query line 1 ?[31mq.png)",
            ),
            ({"query": f"{'q' * 300}.png 0 1"}, f"not readable (File name too long): 1 ({'q' * 300}.png)"),
            ({"query": "q.png"}, f"{UNREAD}: 1 (query line 1 `q.png`)"),
            ({"query": "q.png cat"}, f"{UNREAD}: 1 (query line 1 `q.png cat`)"),
            ({"query": "q.png, 0, 1"}, f"{UNREAD}: 1 (query line 1 `q.png, 0, 1`)"),
            ({"query": "name;kind\nq.png;cat"}, f"{UNREAD}: 2 (query line 1 `name;kind`, query line 2 `q.png;cat`)"),
            ({"query": f"\x1b[31m{'q' * 99}"}, f"{UNREAD}: 1 (query line 1 `?[31m{'q' * 55}...`)"),
            ({"query": "q.png 0 2"}, "labels other than 0 and 1: 1 (query line 1 q.png)"),
            ({"query": "q.png -1 1"}, "labels other than 0 and 1: 1 (query line 1 q.png)"),
            ({"query": "q.png 0 1 x"}, f"{UNREAD}: 1 (query line 1 `q.png 0 1 x`)"),
            ({"query": "q.png 0 1 1"}, "lines of other than 2 labels: 1 (query line 1 has 3)"),
            ({"query": "q.png 0 1\n./q.png 0 1"}, "paths listed twice in one list: 1 (query line 2 q.png)"),
            (
                {"query": "q.png 0 0"},
                "queries without a label (drop_unlabelled_queries: true leaves them out): 1 (q.png)",
            ),
            ({"query": "\n\n"}, "empty lists: 1 (query)"),
            ({"database": "q.png 0 1"}, "queries that are also in train or database: 1 (database line 1 q.png)"),
            ({"database": "t.png 0 1"}, "other labels than in another list: 1 (database line 1 t.png)"),
            ({"database": "gone.png 0 1"}, "missing: 1 (gone.png)"),
        ],
    )
    def test_a_bad_line_is_named(self, good, change, words):
        assert f"root: {words}; correct these files and lines" in good.refused(**good.lists(**{**THREE, **change}))

    def test_unlabelled_images_are_searched_and_counted(self, good, caplog):
        caplog.set_level(logging.INFO, "l2h")
        manifest = good.prepare(**good.lists(**{**THREE, "database": "t.png 1 0\nd.png 0 0\n"}))
        assert manifest["labels"].to_pylist()[2] == []
        assert "kept in the database without a label: 1 (d.png)" in caplog.text

    def test_unlabelled_queries_may_be_dropped(self, good, caplog, tmp_path):
        good.put("u.png", encoded(9))
        given = good.lists(**{**THREE, "query": "u.png 0 0\nq.png 0 1"})
        manifest = good.prepare(**given, drop_unlabelled_queries=True)
        assert manifest["location"].to_pylist()[0] == "root/q.png"
        dropped = Note("dropped, queries without a label", 1, ["u.png"])
        assert str(dropped) in caplog.text
        assert read_notes(tmp_path / "manifest.parquet") == [dropped]

    def test_long_lines_are_read_in_linear_time(self, good):
        """A regular expression that backtracks would take hours."""
        labels = "0 1 " * 100_000
        found = good.refused(**good.lists(**{**THREE, "query": f"q.png {labels}\nq.png {labels}x\n"}))
        assert f"{UNREAD}: 1 (query line 2 `q.png 0 1" in found
        assert "lines of other than 2 labels: 1 (query line 1 has 200000)" in found

    @pytest.mark.parametrize("name", ["large.txt", "large.txt.gz"])
    def test_a_large_list_is_refused(self, good, name, monkeypatch):
        monkeypatch.setattr(list_formats, "MAX_BYTES", 1 << 20)
        text = b"q.png 0 1\n" * 200_000
        path = good.put(name, gzip.compress(text) if name.endswith(".gz") else text)
        assert f"the list {path} has more than 1 MiB of text" in good.refused(
            **{**good.lists(**THREE), "query": str(path)}
        )

    def test_an_endless_line_is_refused(self, good):
        """A list of 128 kB, 2^27 numbers in one line once unpacked, took 17 GB of memory."""
        path = good.put("query.txt.gz", gzip.compress(b"q.png " + b"0 " * 2**20))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(list_formats, "_parted", None)  # such a line is not taken apart
            line = good.refused(images=str(path))
        assert "lines of more than 1,048,576 characters: 1 (images line 1)" in line

    @pytest.mark.parametrize("content", [b"\xff\xfe\x00", gzip.compress(b"q.png 0 1" * 99)[:-9]], ids=["bytes", "cut"])
    def test_a_binary_list_is_refused(self, good, content):
        given = {**good.lists(**THREE), "query": str(good.put("query.txt.gz", content))}
        assert re.search(r"the list \S+query.txt.gz cannot be read \(.*\); it must be text", good.refused(**given))


def read(folder, **texts):
    """Labels by path, and the classes' names, of lists with these texts; no image is read."""
    problems = Problems()
    found, classes = lists.read_lists(
        {role: folder.put(f"{role}.txt", text) for role, text in texts.items()}, folder.path, problems
    )
    assert problems.lines() == []
    return {one.path: one.labels for one in found}, classes


class TestFormats:
    def test_one_integer_per_line_is_a_class(self, folder):
        assert read(folder, images="a.png 3\nb c.png 0\nd.png 40000\n") == (
            {"a.png": [3], "b c.png": [0], "d.png": [40_000]},
            [],
        )
        assert read(folder, images="a.png 0\nb.png 1\n") == ({"a.png": [0], "b.png": [1]}, [])

    def test_two_numbers_per_line_are_labels(self, folder):
        assert read(folder, images="a.png 0 1\nb.png 0 0\n") == ({"a.png": [1], "b.png": []}, [])

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            (
                "a.png 3\nb.png 0 1\nc.png 4",
                "lines of several numbers among lines of one class: 1 (images line 2",
            ),
            ("a.png 3\nb.png -1", "classes that are not an integer from 0 to 2147483647: 1 (images line 2 b.png)"),
            ("a.png 3\nb.png 1.0", "classes that are not an integer from 0 to 2147483647: 1 (images line 2 b.png)"),
            ("a.png 3\nb.png 2147483648", "classes that are not an integer from 0 to 2147483647: 1 (images line 2"),
            ("a.png 0 1\nb.png 3 0\nc.png 1 0", "labels other than 0 and 1: 1 (images line 2 b.png)"),
            ("a.png 0 1\nb.png 3\nc.png 1 0", "lines of other than 2 labels: 1 (images line 2 has 1)"),
            ("a.png 3\nb.png 3", "lists of fewer than 2 classes: 1 (1)"),
            ("path,label\na.png,cat\nb.png", "CSV lines of other than 2 columns: 1 (images line 3 `b.png`)"),
            ('path,label\na.png,cat\n"b.png,dog', 'CSV lines of other than 2 columns: 1 (images line 3 `"b.png,dog`)'),
            ("path,label\n,cat", "CSV lines without a path: 1 (images line 2)"),
            ("path,label\n/etc/a.png,cat", "absolute paths: 1 (images line 2 /etc/a.png)"),
            ("path,label\na.png,c\0t", "labels with control characters: 1 (images line 2)"),
            ("path,label\na.png,4294967296\nb.png,1", "labels above 2147483647: 1 (4294967296)"),
            ("path,label\na.png,cat\nb.png,cat", "lists of fewer than 2 classes: 1 (1)"),
            ("path,label\n", "empty lists: 1 (images)"),
            (
                "path,file,label\na.png,b.png,cat",
                f"{UNREAD}: 2 (images line 1 `path,file,label`, images line 2 `",
            ),
            ("a.png,cat\nb.png,dog", f"{UNREAD}: 2 (images line 1 `a.png,cat`, images line 2 `b.png,dog`)"),
        ],
    )
    def test_a_line_of_another_format_is_named(self, folder, text, words):
        problems = Problems()
        lists.read_lists({"images": folder.put("images.txt", text)}, folder.path, problems)
        assert words in "; ".join(problems.lines())

    def test_csv_columns_may_have_any_order(self, folder):
        text = '\ufeffid,Label,Filename\r\n7,cat,"a, b.png"\r\n\r\n8, dog|cat ,./c.png\r\n9,,d.png\r\n'
        assert read(folder, images=text) == ({"a, b.png": [0], "c.png": [0, 1], "d.png": []}, ["cat", "dog"])
        assert read(folder, images="path,label\na.png,10\nb.png,9\n") == ({"a.png": [10], "b.png": [9]}, [])
        assert read(folder, images="path,label\na.png,10\nb.png,09\n") == ({"a.png": [1], "b.png": [0]}, ["09", "10"])

    def test_csv_names_are_numbered_over_all_lists(self, folder):
        lines = {"query": "q.png,owl", "train": "t.png,cat", "database": "d.png,owl"}
        texts = {role: f"path,label\n{line}" for role, line in lines.items()}
        assert read(folder, **texts) == ({"q.png": [1], "t.png": [0], "d.png": [1]}, ["cat", "owl"])

    def test_csv_names_reach_the_manifest(self, good, tmp_path):
        manifest = good.prepare(**good.lists(images="path,label\nq.png,owl\nt.png,cat\nd.png,owl"))
        assert manifest["labels"].to_pylist() == [[1], [0], [1]]
        assert read_classes(tmp_path / "manifest.parquet") == ["cat", "owl"]

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            ({"database": "t.png 0\nd.png 1"}, "{0}/database.txt (a class in each line)"),
            ({"train": "path,label\nt.png,cat"}, "{0}/train.txt (CSV)"),
        ],
    )
    def test_lists_of_two_formats_are_both_named(self, good, change, words):
        line = good.refused(**good.lists(**{**THREE, **change}))
        first = f"the lists {good.path}/query.txt (0 or 1 for each label)"
        assert f"{first} and {words.format(good.path)} have different formats" in line


COMPOSED, DECOMPOSED = "caf\u00e9", "cafe\u0301"


class TestUnicodeNames:
    @pytest.mark.parametrize(("listed", "there"), [(COMPOSED, DECOMPOSED), (DECOMPOSED, COMPOSED)])
    def test_unicode_forms_of_a_name_find_the_same_file(self, folder, listed, there):
        folder.put(f"{there}/{there}.png", encoded(0))
        folder.put("b.png", encoded(1))
        manifest = folder.prepare(**folder.lists(images=f"{listed}/{listed}.png 0\nb.png 1"))
        assert manifest["location"].to_pylist() == [f"root/{there}/{there}.png", "root/b.png"]

    def test_an_exact_name_is_preferred(self, folder):
        for number, name in enumerate((COMPOSED, DECOMPOSED)):
            folder.put(f"{name}.png", encoded(number))
        found, _ = read(folder, images=f"{DECOMPOSED}.png 0\n{COMPOSED}.png 1")
        assert found == {f"{DECOMPOSED}.png": [0], f"{COMPOSED}.png": [1]}

    def test_a_file_with_two_names_is_one_image(self, good):
        good.put(f"{DECOMPOSED}.png", encoded(9))
        line = good.refused(**good.lists(**{**THREE, "query": f"{COMPOSED}.png 0 1", "train": f"{DECOMPOSED}.png 0 1"}))
        assert "queries that are also in train or database: 1 (train line 1" in line

    @pytest.mark.parametrize("how", ["folders", "csv"])
    def test_indistinguishable_class_names_are_named(self, folder, how):
        for number, name in enumerate((COMPOSED, DECOMPOSED)):
            folder.put(f"{name}/{number}.png", encoded(number))
        text = f"path,label\n{COMPOSED}/0.png,{COMPOSED}\n{DECOMPOSED}/1.png,{DECOMPOSED}"
        line = folder.refused(**folder.lists(images=text) if how == "csv" else {})
        assert "classes whose names differ only in Unicode normalisation: 1 ('cafe\\u0301' and 'caf\\xe9')" in line


def deep():
    file = io.BytesIO()
    Image.fromarray(np.zeros((4, 4), np.uint16)).save(file, "PNG")
    return file.getvalue()


BAD = {
    "broken.jpg": (encoded(1, "JPEG", size=(64, 64))[:-900], "damaged or cut short"),
    "page.jpg": (b"<html>Not found</html>", "not an image of a supported format"),
    "deep.png": (deep(), "more than 8 bits a channel"),
    "moving.gif": (
        encoded(3, "GIF", save_all=True, append_images=[Image.new("RGB", (8, 6))]),
        "animated, or with several pages",
    ),
    "dot.png": (encoded(4, size=(1, 1)), "one pixel high or wide"),
    "bomb.png": (png(60_000, 60_000, 1, 0, b""), "more than 64 million pixels"),
}


class TestImages:
    def test_one_error_counts_all_kinds_of_problems(self, good):
        names = list(BAD)
        for name, (content, _) in BAD.items():
            good.put(name, content)
        for number in range(5):
            good.put(f"cut{number}.png", encoded(number)[:99])
        names += [f"cut{number}.png" for number in range(5)]
        text = "".join(f"{name} 0 1\n" for name in names)
        message = good.refused(**good.lists(**{**THREE, "query": text + "q.png 2 0\n", "database": "gone.png 1 0"}))
        for _, kind in BAD.values():
            if kind != "damaged or cut short":
                assert f"{kind}: 1 (" in message
        assert "damaged or cut short: 6 (broken.jpg, cut0.png, cut1.png, ...)" in message
        assert "labels other than 0 and 1: 1 (query line 12 q.png)" in message
        assert "missing: 1 (gone.png)" in message

    @pytest.mark.parametrize("kind", [kind for _, kind in BAD.values()])
    def test_each_kind_of_problem_is_named(self, good, kind):
        ((name, content),) = ((name, content) for name, (content, found) in BAD.items() if found == kind)
        good.put(name, content)
        assert f"root: {kind}: 1 ({name}); correct" in good.refused(**good.lists(**{**THREE, "query": f"{name} 0 1"}))

    def test_outside_links_and_pipes_are_refused(self, good, tmp_path):
        (tmp_path / "elsewhere").mkdir()
        (tmp_path / "elsewhere" / "e.png").write_bytes(encoded(7))
        (good.path / "out").symlink_to(tmp_path / "elsewhere")
        (good.path / "in.png").symlink_to("q.png")
        (good.path / "loop.png").symlink_to("loop.png")
        os.mkfifo(good.path / "pipe.png")
        text = "out/e.png 0 1\nin.png 0 1\nloop.png 0 1\npipe.png 0 1"
        message = good.refused(**good.lists(**{**THREE, "query": text}))
        assert "links that lead out of the folder: 1 (out/e.png)" in message
        assert "missing: 1 (loop.png)" in message
        assert "not a regular file: 1 (pipe.png)" in message
        assert "in.png" not in message

    def test_conversions_to_rgb_are_logged(self, good, tmp_path, caplog):
        caplog.set_level(logging.INFO, "l2h")
        good.put("q.png", encoded(1, "TIFF", mode="CMYK"))
        good.put("d.png", encoded(2, mode="L"))
        manifest = good.prepare(**good.lists(**THREE))
        assert "converted (CMYK): 1 (q.png)" in caplog.text
        assert "converted (grey): 1 (d.png)" in caplog.text
        notes = read_notes(tmp_path / "manifest.parquet")
        assert notes == [Note("converted (CMYK)", 1, ["q.png"]), Note("converted (grey)", 1, ["d.png"])]
        images = ImageStore(tmp_path / "images", manifest).read(np.arange(3))
        assert [image.shape for image in images] == [(6, 8, 3)] * 3

    def test_the_root_may_be_a_link(self, good, tmp_path):
        (tmp_path / "link").symlink_to(good.path)
        dataset = datasets.make("image_list", None, root=str(tmp_path / "link"), **good.lists(**THREE))
        dataset.prepare(tmp_path / "images", tmp_path / "manifest.parquet")
        assert (tmp_path / "images" / "root").resolve() == good.path


class TestClasses:
    def test_subfolders_are_the_classes(self, folder, caplog, tmp_path):
        caplog.set_level(logging.INFO, "l2h")
        for number, name in enumerate(("b/1.png", "a/2.PNG", "a/deeper/3.png")):
            folder.put(name, encoded(number))
        folder.put("b/4.JFIF", encoded(4, "JPEG"))
        folder.write(**{"notes.txt": "x", "a/Thumbs.db": "x"})
        folder.put("a/.hidden.png", b"x")
        manifest = folder.prepare()
        assert manifest["location"].to_pylist() == [
            "root/a/2.PNG",
            "root/a/deeper/3.png",
            "root/b/1.png",
            "root/b/4.JFIF",
        ]
        assert manifest["labels"].to_pylist() == [[0], [0], [1], [1]]
        assert read_classes(tmp_path / "manifest.parquet") == ["a", "b"]
        assert "classes: 0 a, 1 b" in caplog.text
        left_out = [
            Note("left out, hidden images", 1, ["a/.hidden.png"]),
            Note("left out, not images by name", 2, ["a/Thumbs.db", "notes.txt"]),
        ]
        assert all(str(note) in caplog.text for note in left_out)
        assert read_notes(tmp_path / "manifest.parquet") == left_out

    def test_images_outside_the_class_folders_are_refused(self, folder):
        for number, name in enumerate(("1.png", "a/2.png", "b/3.png")):
            folder.put(name, encoded(number))
        assert "root: images outside the class folders: 1 (1.png)" in folder.refused()

    def test_empty_folders_are_skipped_with_a_warning(self, folder, caplog, tmp_path):
        for name in ("a/1.png", "c/2.png", "notes/readme.txt"):
            folder.put(name, encoded(len(name)))
        (folder.path / "b").mkdir()
        words = "left out, class folders without an image: 2 (b, notes)"
        assert folder.make().known_labels() == [[0], [1]]
        assert caplog.messages == [f"{folder.path}: {words}"]
        folder.prepare()
        assert words in caplog.messages[1:]
        assert read_classes(tmp_path / "manifest.parquet") == ["a", "c"]

    def test_links_to_folders_are_not_followed(self, folder, tmp_path, caplog):
        """Links to a folder in the root, the root itself, outside, and a class; a hidden one is left out."""
        for number, name in enumerate(("cat/1.png", "owl/2.png", ".store/3.png")):
            folder.put(name, encoded(number))
        (tmp_path / "elsewhere").mkdir()
        (tmp_path / "elsewhere/4.png").write_bytes(encoded(4))
        for name, target in {
            "cat/batch": "../.store",
            "cat/loop": "..",
            "dog": str(tmp_path / "elsewhere"),
            "owl/.hidden": "../.store",
        }.items():
            (folder.path / name).symlink_to(target)
        words = "links to folders (not followed; replace them by the folders): 3 (cat/batch, cat/loop, dog)"
        assert f"root: {words}; correct" in folder.refused()
        assert "left out, hidden images: 1 (.store/3.png)" in caplog.messages
        assert "left out, hidden links to folders: 1 (owl/.hidden)" in caplog.messages
        assert "without an image" not in caplog.text
        with pytest.raises(L2HError, match=re.escape(words)):
            folder.make().known_labels()

    def test_classes_that_are_all_links_are_named(self, folder):
        folder.put(".store/1.png", encoded(1))
        for name in ("cat", "dog"):
            (folder.path / name).symlink_to(".store")
        assert "replace them by the folders): 2 (cat, dog)" in folder.refused()

    def test_an_unreadable_folder_is_named(self, folder, monkeypatch):
        """Root may read everything, so the refusal is simulated."""
        for name in ("cat/1.png", "owl/2.png", "owl/closed/3.png", "dog/4.png"):
            folder.put(name, encoded(4))
        scan = os.scandir

        def refuse(path):
            if os.path.basename(path) in ("closed", "dog"):
                raise PermissionError(13, "Permission denied", path)
            return scan(path)

        monkeypatch.setattr(os, "scandir", refuse)
        assert "root: folders that cannot be read: 2 (dog, owl/closed); correct" in folder.refused()

    def test_nested_classes_are_refused_with_the_right_folder(self, folder):
        for part in ("train", "val"):
            for name in ("cat", "dog", "owl"):
                folder.put(f"{part}/{name}/1.png", encoded(1))
        with pytest.raises(L2HError) as caught:
            folder.make().known_labels()
        root = folder.path
        assert (
            str(caught.value)
            == folder.refused()
            == f"{root}: its subfolders train, val hold no images directly, but subfolders of the same names (cat, "
            f"dog, owl), which seem to be the classes: set root to one of {root}/train, {root}/val; if train, val are "
            "the classes, name the images in a list"
        )

    @pytest.mark.parametrize(
        "names",
        [
            ("cat/images/1.png", "dog/images/2.png"),  # Tiny ImageNet's
            ("cat/left/1.png", "dog/right/2.png"),
            ("cat/1.png", "cat/left/2.png", "cat/right/3.png", "dog/left/4.png", "dog/right/5.png"),
        ],
    )
    def test_images_may_be_nested_in_their_class(self, folder, names):
        for name in names:
            folder.put(name, b"")
        labels = [["cat", "dog"].index(name.split("/")[0]) for name in names]
        assert folder.make().known_labels() == [[label] for label in labels]

    def test_paths_that_are_not_utf_8_are_refused(self, folder):
        for number, name in enumerate(("a/1.png", "b/2.png", os.fsdecode(b"b/\xff.png"), "b/\n.png")):
            folder.put(name, encoded(number))
        folder.put(os.fsdecode(b"\xfe.txt"), b"x")
        assert "root: paths with control characters, or not in UTF-8: 2 (b/?.png, b/?.png)" in folder.refused()

    def test_a_single_class_is_refused(self, folder):
        assert folder.refused().endswith("needs a subfolder with images for each of two or more classes; it has 0")
        folder.put("a/1.png", encoded(1))
        words = f"two or more classes; it has 1 (a); if they are there, set root to {folder.path}/a"
        assert folder.refused().endswith(words)

    def test_the_default_protocol_draws_shares(self, folder):
        for number in range(40):
            folder.put(f"{'ab'[number % 2]}/{number}.png", encoded(number))
        dataset = folder.make()
        ((name, protocol),) = dataset.protocols.items()
        split = make_split(folder.prepare(), name, protocol, 0)
        check(split)
        assert [len(split.ids(role)) for role in ("query", "train", "database")] == [4, 16, 36]


class TestConstruction:
    def test_missing_files_are_named_without_reading(self, tmp_path):
        where = str(tmp_path / "nowhere")
        dataset = datasets.make("image_list", None, root=where)
        assert dataset.missing() == f"{where} is not a folder; put the images there, or correct root"
        dataset = datasets.make("image_list", None, root=str(tmp_path), images=f"{where}.txt")
        assert dataset.missing() == f"no list at {where}.txt; put it there, or correct its path"

    def test_its_own_files_are_listed(self, folder):
        for name in ("a/1.png", "b/2.png", "b/note.txt", ".hidden/3.png"):
            folder.put(name, encoded(1))
        assert sorted(folder.make().made_of()) == [str(folder.path / "a/1.png"), str(folder.path / "b/2.png")]
        given = folder.lists(images="a/1.png 0 1\nb/2.png 1 0")
        dataset = folder.make(**given)
        assert list(map(str, dataset.made_of())) == [given["images"]]
        manifest = folder.prepare(dataset)
        sha256 = dict(zip(manifest["location"].to_pylist(), manifest["image_sha256"].to_pylist(), strict=True))
        stats = {name: (folder.path / name).stat() for name in ("a/1.png", "b/2.png")}
        assert dataset.seen == {
            str(folder.path / name): (found.st_size, found.st_mtime_ns, sha256[f"root/{name}"])
            for name, found in stats.items()
        }

    @pytest.mark.parametrize(
        ("params", "words"),
        [
            ({}, "image_list needs the parameter 'root'"),
            ({"root": 3}, "root must be a path, got 3"),
            ({"root": "x", "images": ["a"]}, "images must be a path, got ['a']"),
            ({"root": "x", "test": "y"}, "image_list has no parameter 'test'; it takes root, query, train, database"),
            ({"root": "x", "query": "q"}, "train and database, or only images, or no list; got ['query']"),
            ({"root": "x", "query": "q", "train": "t", "database": "d", "images": "i"}, "or only images, or no list"),
            ({"root": "x", "drop_unlabelled_queries": "yes"}, "must be true or false, got 'yes'"),
        ],
    )
    def test_invalid_parameters_are_refused(self, params, words):
        with pytest.raises(L2HError, match=re.escape(words)):
            datasets.make("image_list", None, **params)


def test_a_copy_of_a_query_is_named_with_ids_and_paths(good):
    good.put("copy.png", (good.path / "q.png").read_bytes())
    manifest = good.prepare(**good.lists(**{**THREE, "database": "t.png 1 0\ncopy.png 1 1\n"}))
    split = make_split(manifest, "lists", None, 0)
    locations = dict(zip(manifest["id"].to_pylist(), manifest["location"].to_pylist(), strict=True))
    words = "database holds byte-identical copies of queries, id 2 (root/copy.png) = query 0 (root/q.png)"
    with pytest.raises(SplitError, match=re.escape(words)):
        check(split, locations)


class TestNuswide:
    @pytest.fixture
    def real(self, shared_data, tmp_path):
        return datasets.make("nuswide_81_m", Sources(tmp_path / "downloads", shared_data))

    def test_the_error_names_what_to_download_and_where_to_put_it(self, real, tmp_path):
        message = real.missing()
        for part in (
            "thuml/HashNet",
            "nuswide_81_m/database.txt, nuswide_81_m/images",
            str(tmp_path),
            "dataset_mirror",
        ):
            assert part in message
        assert "train.txt" not in message

    def test_the_real_lists_are_read(self, shared_data):
        problems = Problems()
        folder = shared_data / "nuswide_81_m"
        given = {"query": folder / "test.txt.gz", "train": folder / "train.txt.gz"}
        found, classes = lists.read_lists(given, folder, problems)
        assert problems.lines() == []
        assert classes == []
        assert len(found) == 15_000
        assert all(image.labels and max(image.labels) < 81 for image in found)
        assert all(image.path.startswith("images/") for image in found)

    def test_unlabelled_queries_of_the_real_lists_may_be_dropped(self, tmp_path):
        dropping = datasets.make("nuswide_81_m", Sources(tmp_path), drop_unlabelled_queries=True)
        assert dropping.drop_unlabelled_queries
        assert not datasets.make("nuswide_81_m", Sources(tmp_path)).drop_unlabelled_queries

    def test_files_are_found_in_downloads_and_mirror(self, tmp_path):
        here, mirror = tmp_path / "downloads/nuswide_81_m", tmp_path / "mirror/nuswide_81_m"
        (here / "images").mkdir(parents=True)
        mirror.mkdir(parents=True)
        for number in range(3):
            (here / "images" / f"{number}.jpg").write_bytes(encoded(number, "JPEG"))
        for number, name in enumerate(("test", "train")):
            (mirror / f"{name}.txt.gz").write_bytes(gzip.compress(f"images/{number}.jpg 0 1".encode()))
        (here / "database.txt").write_text("images/2.jpg 1 0")
        dataset = datasets.make("nuswide_81_m", Sources(here.parent, mirror.parent))
        assert dataset.missing() is None
        assert list(dataset.protocols) == ["nuswide-81-m"]
        with pytest.raises(L2HError) as caught:
            dataset.prepare(tmp_path / "images", tmp_path / "manifest.parquet")
        assert f"{here}: lists without the 5,000 query images of nuswide-81-m: 1 (1)" in str(caught.value)
        assert "10,000 train images of nuswide-81-m: 1 (1)" in str(caught.value)
