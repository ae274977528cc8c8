"""Bundles: a released bundle is read back; anything else is refused before it is used."""

import copy
import gzip
import hashlib
import io
import json
import os
import tarfile
import tracemalloc
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from l2h import backbones, datasets, hashing
from l2h.bundles import archive, consistency, manifest
from l2h.bundles.release import release, weights_licence
from l2h.bundles.unpack import unpack
from l2h.config import ConfigError, resolve
from l2h.errors import L2HError
from l2h.splits import Protocol, Split, make_split
from l2h.store import limits
from l2h.store.features import iter_features, write_features
from l2h.store.manifests import read_manifest, write_manifest
from l2h.store.splits import read_split, write_split
from l2h.store.tables import read_metadata

WEIGHTS = "ab" * 32
FEATURES = {
    "name": "alexnet",
    "layer": "fc7",
    "source": "untrained-0",
    "input_size": 224,
    "precision": "fp32",
    "dtype": "float32",
}
MODEL = "models/p/net/lsh/8bits-seed0"
CONFIG = {
    "datasets": ["digits"],
    "backbones": [{"name": "alexnet", "label": "net", "weights": "untrained"}],
    "methods": ["lsh", "cosine"],
    "bits": [8],
}


def write_model(folder, method, bits, split):
    """A model trained on the toy data, as the rule `fit` writes it."""
    rng = np.random.default_rng(0)
    params = {"pca_dims": None} if method == "lsh" else {}
    fitted = hashing.make(method, bits=bits, random_state=0, **params).fit(rng.normal(size=(20, 6)).astype(np.float32))
    key = {"protocol": "p", "backbone": "net", "variant": method, "bits": str(bits), "seed": "0"}
    scope = type(fitted).kind
    fitted.save(folder, {**key, "dataset": "digits", "method": method, "scope": scope, "split_sha256": split.sha256})


def arguments(method):
    given = hashing.make(method, bits=8).get_params()
    return {name: value for name, value in given.items() if name not in ("bits", "random_state")}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The files of one tiny run, by their paths in a bundle."""
    folder = tmp_path_factory.mktemp("made")
    ids = np.arange(12)
    hashes = [hashlib.sha256(bytes([number])).digest() for number in ids]
    locations = [f"images.npy[{number}]" for number in ids]
    write_manifest(folder / "manifest.parquet", hashes, [[number % 3] for number in ids], locations)
    images = read_manifest(folder / "manifest.parquet")
    split = make_split(images, "p", Protocol(query=2, train=4, per_class=False), 0)
    write_split(folder / "split.parquet", split)
    noted = {name: str(FEATURES[key]) for key, name in consistency.NOTED.items() if key in FEATURES}
    features = np.random.default_rng(1).normal(size=(12, 6)).astype(np.float32)
    write_features(folder / "features.parquet", [(ids, features)], "float32", {**noted, "weights_sha256": WEIGHTS})
    write_model(folder / "lsh", "lsh", 8, split)
    write_model(folder / "cosine", "cosine", 0, split)
    return {
        "manifest.parquet": folder / "manifest.parquet",
        "splits/p.parquet": folder / "split.parquet",
        "features/net.parquet": folder / "features.parquet",
        MODEL: folder / "lsh",
        "models/p/net/cosine/0bits-seed0": folder / "cosine",
    }


def write_release(path, files):
    release(
        path,
        files,
        dataset="digits",
        backbones={"net": FEATURES},
        variants={
            "lsh": {"method": "lsh", "scope": "shallow", "arguments": arguments("lsh")},
            "cosine": {"method": "cosine", "scope": "exact", "arguments": {}},
        },
        licences={"data set digits": "CC0"},
        config={"datasets": ["digits"]},
    )


@pytest.fixture(scope="module")
def bundle(made, tmp_path_factory):
    path = tmp_path_factory.mktemp("bundle") / "digits.tar"
    write_release(path, made)
    return path


@pytest.fixture
def content(bundle):
    """The bytes of each file of a bundle, by path."""
    return read(bundle)


def read(path):
    with tarfile.open(path) as file:
        return {member.name: file.extractfile(member).read() for member in file}


def signed(content):
    """The content with a manifest that agrees with it."""
    description = json.loads(content["manifest.json"])
    description["members"] = {
        name: {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        for name, data in content.items()
        if name != "manifest.json"
    }
    return {**content, "manifest.json": json.dumps(description).encode()}


def described(content, **change):
    """The content with other values in its manifest."""
    description = json.loads(content["manifest.json"])
    return {**content, "manifest.json": json.dumps({**description, **change}).encode()}


def write(path, content, *more, **options):
    """An archive of any content, and of more members: pairs of TarInfo and bytes."""
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT, **options) as file:
        for name, data in content.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            file.addfile(info, io.BytesIO(data))
        for info, data in more:
            file.addfile(info, io.BytesIO(data))
    return path


def write_folder(path, content):
    for name, data in content.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(data)
    return path


def refused(path, words):
    """Unpacking fails with these words in one line, and leaves no files."""
    target = path.parent / "unpacked" / "bundle"
    before = {other for other in path.parent.rglob("*") if "unpacked" not in other.parts}
    with pytest.raises(L2HError, match=words) as caught:
        unpack(path, target)
    assert "\n" not in str(caught.value)
    assert not target.parent.exists() or not list(target.parent.iterdir())
    assert {other for other in path.parent.rglob("*") if "unpacked" not in other.parts} == before


# what is released


def test_archive_and_folder_are_read_back(bundle, content, tmp_path):
    unpack(bundle, tmp_path / "from-archive")
    unpack(write_folder(tmp_path / "folder", content), tmp_path / "from-folder")
    for folder in (tmp_path / "from-archive", tmp_path / "from-folder"):
        found = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        assert found == content
        assert hashing.load(folder / MODEL).bits == 8


def test_the_same_files_give_the_same_bytes(made, bundle, tmp_path):
    for file in Path(made["manifest.parquet"]).parent.rglob("*"):
        os.utime(file, (1, 1))
    write_release(tmp_path / "again.tar", dict(reversed(made.items())))
    assert (tmp_path / "again.tar").read_bytes() == bundle.read_bytes()


def test_the_manifest_comes_first_and_describes_each_file(bundle, content):
    names = list(content)
    assert names == ["manifest.json", *sorted(names[1:])]
    description = json.loads(content["manifest.json"])
    assert description["backbones"]["net"] == {**FEATURES, "weights_sha256": WEIGHTS}
    assert description["licences"] == {"l2h": "MIT, see LICENSE in its repository", "data set digits": "CC0"}
    for name, data in list(content.items())[1:]:
        member = description["members"][name]
        assert (member["size"], member["sha256"]) == (len(data), hashlib.sha256(data).hexdigest())
        assert member["what"]
    with tarfile.open(bundle) as file:
        assert {(info.mtime, info.uid, info.gid, info.mode, info.uname) for info in file} == {(0, 0, 0, 0o644, "")}


def test_every_dataset_and_backbone_states_a_licence():
    for registry in (datasets.registry, backbones.registry):
        assert all(registry.get(name).licence for name in registry.names() if not name.endswith("<name>"))
    alexnet = backbones.registry.get("alexnet")
    assert "ImageNet" in weights_licence(alexnet, "imagenet1k_v1", local=False)
    assert weights_licence(alexnet, "untrained-0", local=False) == "none needed: drawn at random"
    assert weights_licence(alexnet, "imagenet1k_v1", local=True) == "as stated by the owner of the file"


def test_sizes_beyond_octal_digits_and_long_paths_fit_a_header(tmp_path, monkeypatch):
    """Of archives without the contents, as one has 9 GiB."""
    monkeypatch.setattr(archive, "verified", lambda *_: ())

    def header(name, size):
        archive.write(tmp_path / "x.tar", {name: b""}, {name: manifest.Member(size, "0" * 64)})
        return tarfile.TarInfo.frombuf((tmp_path / "x.tar").read_bytes()[:512], "utf-8", "strict")

    for name, size in (("features/net.parquet", 9 * 2**30), (f"models/{'x' * 90}/y/z/8bits-seed0/model.json", 5)):
        info = header(name, size)
        assert (info.name, info.size, info.type) == (name, size, tarfile.REGTYPE)
    with pytest.raises(L2HError, match="too long for a file's path in an archive; choose shorter labels"):
        header(f"features/{'x' * 120}.parquet", 5)
    with pytest.raises(L2HError, match="too long for the path of a file of 9663676416 bytes; choose a shorter label"):
        header(f"features/{'x' * 90}.parquet", 9 * 2**30)


def test_labels_that_are_invalid_paths_are_refused(made, tmp_path):
    files = {**made, "splits/my protocol.parquet": made["splits/p.parquet"]}
    with pytest.raises(L2HError, match=r"lists 'splits/my protocol.parquet', a path that no file of a bundle can have"):
        write_release(tmp_path / "x.tar", files)
    assert not list(tmp_path.iterdir())


def test_a_file_that_changes_during_the_release_is_refused(tmp_path):
    file = tmp_path / "file"
    file.write_bytes(b"before")
    members = {"config.json": archive.measure(file)}
    file.write_bytes(b"after.")
    with pytest.raises(L2HError, match=r"config.json was changed or damaged: it has 6 bytes with sha256 [0-9a-f]{64}"):
        archive.write(tmp_path / "x.tar", {"config.json": file}, members)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_memory_does_not_grow_with_the_files(tmp_path):
    file = tmp_path / "large"
    file.write_bytes(bytes(48 * 2**20))
    tracemalloc.start()
    members = {"features/net.parquet": archive.measure(file)}
    archive.write(tmp_path / "x.tar", {"features/net.parquet": file}, members)
    for name, _, blocks in archive.files(tmp_path / "x.tar"):
        for _ in archive.verified(blocks, members[name], name):
            pass
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * 2**20


# what is refused: bytes


@pytest.mark.parametrize("kind", ["archive", "folder"])
@pytest.mark.parametrize("name", ["config.json", "manifest.parquet", "splits/p.parquet", "features/net.parquet",
                                  f"{MODEL}/model.json", f"{MODEL}/model.safetensors"])  # fmt: skip
def test_a_changed_byte_is_found_in_every_file(content, tmp_path, name, kind):
    data = bytearray(content[name])
    data[len(data) // 2] ^= 1
    changed = {**content, name: bytes(data)}
    path = write(tmp_path / "x.tar", changed) if kind == "archive" else write_folder(tmp_path / "x", changed)
    refused(path, rf"{path}: {name} was changed or damaged: .* download the bundle again")


@pytest.mark.parametrize("kind", ["archive", "folder"])
def test_missing_extra_or_resized_files_are_refused(content, tmp_path, kind):
    def make(number, change):
        path = tmp_path / str(number) / "x"
        path.parent.mkdir()
        return write(path, change) if kind == "archive" else write_folder(path, change)

    longer = {**content, "config.json": content["config.json"] + b" "}
    refused(make(0, longer), r"config.json has 34 bytes, manifest.json says 33")
    fewer = {name: data for name, data in content.items() if name != "splits/p.parquet"}
    refused(make(1, fewer), r"lacks splits/p.parquet, which its manifest lists")
    refused(make(2, {**content, "splits/q.parquet": b"x"}), r"'splits/q.parquet' is not listed in manifest.json")
    refused(make(3, {**content, "evil.py": b"x"}), r"'evil.py' does not belong in a bundle")
    refused(
        make(4, {name: data for name, data in content.items() if name != "manifest.json"}), r"not a bundle|read \(No"
    )


def test_duplicate_files_are_refused(content, tmp_path):
    info = tarfile.TarInfo("config.json")
    info.size = len(content["config.json"])
    refused(write(tmp_path / "x.tar", content, (info, content["config.json"])), "holds config.json twice")


@pytest.mark.parametrize(
    "name",
    [
        "../evil",
        "/etc/evil",
        "models/../../evil",
        "splits/../../evil.parquet",
        "./config.json",
        "config.json/x",
        MODEL,
        "splits/.parquet",
        "splits/a b.parquet",
        "splits/p.parquet\n",
        "splits/\udcff.parquet",
        "models/p/net/lsh/08bits-seed0/model.json",
        "models/p/net/lsh/\u0668bits-seed0/model.json",
        "C:\\evil",
    ],
)
def test_paths_outside_the_bundle_are_refused(content, tmp_path, name):
    info = tarfile.TarInfo(name)
    (tmp_path / "archive").mkdir()
    refused(write(tmp_path / "archive/x.tar", content, (info, b"")), "does not belong in a bundle")
    listed = json.loads(content["manifest.json"])["members"] | {name: {"size": 0, "sha256": "0" * 64}}
    (tmp_path / "manifest").mkdir()
    path = write(tmp_path / "manifest/x.tar", described(content, members=listed))
    refused(path, "a path that no file of a bundle can have")


TYPES = """
    SYMTYPE LNKTYPE CHRTYPE BLKTYPE FIFOTYPE DIRTYPE CONTTYPE
    XHDTYPE XGLTYPE SOLARIS_XHDTYPE GNUTYPE_LONGNAME GNUTYPE_LONGLINK GNUTYPE_SPARSE
"""


@pytest.mark.parametrize("kind", TYPES.split())
def test_links_devices_and_extensions_are_refused(content, tmp_path, kind):
    info = tarfile.TarInfo("config.json")
    info.type, info.linkname = getattr(tarfile, kind), "/etc/passwd"
    path = tmp_path / "x.tar"
    path.write_bytes(info.tobuf(tarfile.USTAR_FORMAT))
    refused(path, r"'config.json/?' is a link, device, folder or extension \(tar's type '.'\)")
    whole = write(tmp_path / "whole.tar", content).read_bytes()
    path.write_bytes(whole[:1024] + info.tobuf(tarfile.USTAR_FORMAT) + whole[1024:])
    with pytest.raises(L2HError):
        unpack(path, tmp_path / "target")


def test_links_and_devices_in_a_folder_are_refused(content, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "p.parquet").write_bytes(content["splits/p.parquet"])
    (outside / "config.json").write_bytes(content["config.json"])

    def make(name):
        return write_folder(tmp_path / name / "x", content)

    folder = make("file")
    (folder / "config.json").unlink()
    (folder / "config.json").symlink_to(outside / "config.json")
    refused(folder, r"'config.json' is a link; a bundle holds only regular files")
    folder = make("folder")
    (folder / "splits/p.parquet").unlink()
    (folder / "splits").rmdir()
    (folder / "splits").symlink_to(outside)
    refused(folder, r"'splits' is a link; a bundle holds only regular files")
    folder = make("fifo")
    (folder / "config.json").unlink()
    os.mkfifo(folder / "config.json")
    refused(folder, r"'config.json' is not a regular file")


def test_other_files_are_not_bundles(content, tmp_path):
    refused(tmp_path / "missing.tar", "missing.tar is neither an archive nor a folder")
    for name, data in (
        ("empty", b""),
        ("text", b"hello"),
        ("gz", gzip.compress(bytes(range(256)) * 9)),
        ("0", bytes(512)),
    ):
        path = tmp_path / name
        path.write_bytes(data)
        refused(path, "cut short|damaged, or not a plain tar archive|is not a bundle")
    others = {name: data for name, data in content.items() if name != "manifest.json"}
    refused(
        write(tmp_path / "late.tar", {**others, "manifest.json": content["manifest.json"]}),
        "it begins with 'config.json'",
    )


def test_data_after_the_archive_is_refused(bundle, tmp_path):
    path = tmp_path / "x.tar"
    path.write_bytes(bundle.read_bytes() + bytes(9000))
    unpack(path, tmp_path / "padded")  # as tar programs pad
    path.write_bytes(bundle.read_bytes() + bytes(9000) + b"x")
    refused(path, "has data after the archive's end")
    path.write_bytes(bundle.read_bytes() + bytes(20_000))
    refused(path, "has data after the archive's end")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_truncated_archive_is_refused(bundle, tmp_path, data):
    whole = bundle.read_bytes()
    length = data.draw(st.integers(0, len(whole) - 2 * archive.HEADER))
    path = tmp_path / "x.tar"
    path.write_bytes(whole[:length])
    refused(path, "cut short|lacks")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_changed_bit_is_refused_or_changes_no_file(bundle, content, tmp_path, data):
    """Nothing seals the manifest itself: only the bundle's id shows a changed licence."""
    whole = bytearray(bundle.read_bytes())
    place = data.draw(st.one_of(st.integers(0, len(whole) - 1), st.integers(0, 8 * archive.HEADER)))
    whole[place] ^= 1 << data.draw(st.integers(0, 7))
    path = tmp_path / "x.tar"
    path.write_bytes(whole)
    target = tmp_path / "target"
    try:
        unpack(path, target)
    except L2HError:
        return
    found = {str(file.relative_to(target)): file.read_bytes() for file in target.rglob("*") if file.is_file()}
    if found.pop("manifest.json") != content["manifest.json"]:
        assert archive.read_bundle_manifest(path).id != archive.read_bundle_manifest(bundle).id
    assert found == {name: data for name, data in content.items() if name != "manifest.json"}


def test_a_bundle_larger_than_the_free_space_is_refused(bundle, tmp_path, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=10))
    with pytest.raises(L2HError, match=r"takes \d+ bytes, but .* has only 10 left; free some space"):
        unpack(bundle, tmp_path / "x")


# what is refused: the manifest


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"{", "manifest.json is not valid JSON"),
        (b"\xff\xfe", "manifest.json is not valid JSON"),
        (b"[" * 100_000, "manifest.json is not valid JSON"),
        (b"[]", "manifest.json is not a JSON object"),
        (b"{}", "'format' of manifest.json is missing, but int is expected"),
        (b'{"format": true}', "'format' of manifest.json is True, but int is expected"),
    ],
)
def test_an_unreadable_manifest_is_refused(content, tmp_path, data, words):
    refused(write(tmp_path / "x.tar", {**content, "manifest.json": data}), words)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"format": 2, "l2h_version": "9.0"}, r"has the bundle format 2, made by l2h '9.0'; .* update l2h"),
        ({"dataset": "x\ny"}, r"has the name 'x\\ny', which is invalid in a path"),
        ({"variants": {"\x1b[31m": {}}}, r"has the name '\\x1b\[31m', which is invalid in a path"),
        ({"dataset": 3}, "'dataset' of manifest.json is 3, but str is expected"),
        ({"backbones": {"net": 1}}, "an entry of 'backbones' of manifest.json is not a JSON object"),
        ({"backbones": {}}, "lists features/net.parquet, but does not describe 'net'"),
        ({"backbones": {"net": {}, "more": {}}}, "does not list features/more.parquet, which belongs to it"),
        ({"variants": {}}, r"lists models/p/net/\w+/\dbits-seed0, but does not describe"),
        ({"members": {"config.json": 1}}, "gives no size and sha256 of config.json"),
        ({"members": {"config.json": {"size": -1, "sha256": "0" * 64}}}, "gives no size and sha256 of config.json"),
        ({"members": {"config.json": {"size": 1, "sha256": "x" * 64}}}, "gives no size and sha256 of config.json"),
        (
            {"members": {"config.json": {"size": 2**40, "sha256": "0" * 64}}},
            "config.json is listed with 1099511627776",
        ),
        ({"members": {f"splits/{i}.parquet": 0 for i in range(50_001)}}, "lists 50001 files, over the limit of 50000"),
    ],
)
def test_an_inconsistent_manifest_is_refused(content, tmp_path, change, words):
    refused(write(tmp_path / "x.tar", described(content, **change)), words)


def test_a_manifest_without_a_part_of_a_model_is_refused(content, tmp_path):
    members = json.loads(content["manifest.json"])["members"]
    del members[f"{MODEL}/model.safetensors"]
    refused(write(tmp_path / "x.tar", described(content, members=members)), f"does not list {MODEL}/model.safetensors")


def test_a_large_manifest_is_not_read(content, tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "MAX_JSON", 1000)
    refused(write(tmp_path / "x.tar", content), "over the limit of 1000")


# what is refused: files that match their hashes, but not each other


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"method": "itq"}, "has method 'itq', but manifest.json and its path say 'lsh'"),
        ({"params": {"bits": 16}}, "has bits 16, but manifest.json and its path say 8"),
        ({"params": {"random_state": 3}}, "has random_state 3, .* say 0"),
        ({"params": {"pca_dims": 4}}, "has pca_dims 4, .* say None"),
        ({"params": {"more": 1}}, "has more 1, .* say None"),
        ({"data": {"variant": "other"}}, "has variant 'other', .* say 'lsh'"),
        ({"data": {"dataset": "mnist"}}, "has dataset 'mnist', .* say 'digits'"),
        ({"data": {"split_sha256": "0"}}, "has split_sha256 '0', .* say '[0-9a-f]{64}'"),
    ],
)
def test_a_model_that_differs_from_the_manifest_is_refused(content, tmp_path, change, words):
    description = json.loads(content[f"{MODEL}/model.json"])
    del description["sha256"]  # as an attacker would
    for key, value in change.items():
        description[key] = {**description[key], **value} if isinstance(value, dict) else value
    content[f"{MODEL}/model.json"] = json.dumps(description).encode()
    refused(write(tmp_path / "x.tar", signed(content)), f"is inconsistent: {MODEL}/model.json {words}")


@pytest.mark.parametrize("data", [b"\x80\x04.", b"[" * 100_000, b"[]", b"{}"])
def test_an_invalid_model_json_is_refused(content, tmp_path, data):
    refused(write(tmp_path / "x.tar", signed({**content, f"{MODEL}/model.json": data})), f"is inconsistent: {MODEL}")


def test_a_pickle_is_not_loaded_as_a_model(content, tmp_path):
    content[f"{MODEL}/model.safetensors"] = b"\x80\x04cos\nsystem\n(S'exit 1'\ntR."
    refused(write(tmp_path / "x.tar", signed(content)), f"{MODEL} is not a complete model")


def tables(content, tmp_path, name, write_table):
    """The content with another table, and hashes that agree."""
    write_table(tmp_path / "table")
    return write(tmp_path / "x.tar", signed({**content, name: (tmp_path / "table").read_bytes()}))


def test_a_split_that_leaks_is_refused(content, made, tmp_path):
    split = read_split(made["splits/p.parquet"])
    roles = split.table["role"].to_pylist()
    query, train = split.ids("query")[0], split.table.filter(pa.compute.equal(split.table["role"], "train"))
    row = train.slice(0, 1).set_column(0, "id", pa.array([query]))
    assert "query" in roles
    leaky = Split(pa.concat_tables([split.table, row]), "p", 0)
    path = tables(content, tmp_path, "splits/p.parquet", lambda target: write_split(target, leaky))
    refused(path, f"is inconsistent: split p: train holds query {query}")


def test_a_split_of_another_protocol_or_dataset_is_refused(content, made, tmp_path):
    split = read_split(made["splits/p.parquet"])
    for number, (other, words) in enumerate(
        [
            (Split(split.table, "q", 0), "splits/p.parquet has protocol 'q'"),
            (shifted(split, 100), "has images that manifest.parquet lacks, such as id 1"),
            (relabelled(split), "image hashes or labels in .* differ from manifest.parquet"),
        ]
    ):
        folder = tmp_path / str(number)
        folder.mkdir()
        refused(tables(content, folder, "splits/p.parquet", lambda target: write_split(target, other)), words)  # noqa: B023


def shifted(split, by):
    ids = pa.array(split.table["id"].to_numpy() + by)
    return Split(split.table.set_column(0, "id", ids), split.protocol, split.seed)


def relabelled(split):
    labels = pa.array([[7]] * len(split.table), pa.list_(pa.int32()))
    return Split(split.table.set_column(3, "labels", labels), split.protocol, split.seed)


def test_features_of_other_weights_are_refused(content, made, tmp_path):
    noted = read_metadata(made["features/net.parquet"])
    batches = list(iter_features(made["features/net.parquet"]))

    def other(target):
        write_features(target, batches, "float32", {**noted, "weights_sha256": "cd" * 32})

    path = tables(content, tmp_path, "features/net.parquet", other)
    refused(path, f"features/net.parquet has weights_sha256 '{'cd' * 32}', .* say '{WEIGHTS}'")


def test_the_input_size_may_be_left_to_the_network(content, tmp_path):
    backbones = json.loads(content["manifest.json"])["backbones"]
    backbones["net"]["input_size"] = None
    unpack(write(tmp_path / "b.tar", described(content, backbones=backbones)), tmp_path / "whole")
    backbones["net"]["input_size"] = 225
    path = write(tmp_path / "b.tar", described(content, backbones=backbones))
    refused(path, "features/net.parquet has input_size '224', .* say '225'")


def test_a_table_that_would_fill_memory_is_refused(content, tmp_path, monkeypatch):
    monkeypatch.setattr(limits, "MAX_MEMORY", 100)
    monkeypatch.setattr(limits, "MAX_RATIO", 0.01)
    refused(write(tmp_path / "x.tar", content), r"manifest.parquet would take \d+ bytes of memory")


def test_an_invalid_table_is_refused(content, tmp_path):
    refused(
        write(tmp_path / "x.tar", signed({**content, "manifest.parquet": b"PAR1PAR1"})), "manifest.parquet is damaged"
    )


# what a config asks for


def ask(bundle, **change):
    config = copy.deepcopy({**CONFIG, "pretrained": str(bundle), **change})
    resolve(config)
    return config


@pytest.fixture(scope="module")
def asked(bundle, tmp_path_factory):
    """The bundle, with the protocol of the dataset `digits`."""
    content = read(bundle)
    renamed = {
        name.replace("/p/", "/digits-300/").replace("/p.", "/digits-300."): data for name, data in content.items()
    }
    return write(tmp_path_factory.mktemp("asked") / "digits.tar", signed(renamed))


def test_a_bundle_with_all_that_the_config_needs_is_used(asked, content, tmp_path):
    assert ask(asked)["pretrained"] == [str(asked)]
    assert ask(asked, pretrained=[str(asked)], methods=["lsh"])["pretrained"] == [str(asked)]
    assert ask(write_folder(tmp_path / "x", read(asked)))["pretrained"] == [str(tmp_path / "x")]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"datasets": ["mnist"]}, "holds the dataset digits, but the config names mnist"),
        ({"datasets": ["digits", "mnist"]}, "no bundle holds the dataset mnist, only digits; add its bundle"),
        ({"datasets": [{"name": "digits", "split_seed": 3}]}, "holds no protocol digits-300-seed3, only digits-300"),
        ({"backbones": [{"name": "alexnet", "weights": "untrained"}]}, "holds no backbone alexnet-fc7, only net"),
        (
            {"backbones": [{**CONFIG["backbones"][0], "layer": "fc6"}]},
            "net with layer 'fc7', but the config asks for 'fc6'",
        ),
        ({"backbones": [{**CONFIG["backbones"][0], "dtype": "float16"}]}, "net with dtype 'float32', .* for 'float16'"),
        ({"backbones": [{**CONFIG["backbones"][0], "weights": "imagenet1k_v1"}]}, "net with source 'untrained-0'"),
        ({"methods": ["lsh", "itq"]}, "holds no method itq, only cosine, lsh"),
        (
            {"methods": [{"method": "itq", "label": "lsh"}]},
            "holds lsh with method 'lsh', but the config asks for 'itq'",
        ),
        (
            {"methods": [{"method": "lsh", "params": {"pca_dims": 4}}]},
            "lsh with pca_dims None, but the config asks for 4",
        ),
        ({"bits": [8, 16]}, r"holds no lsh \(digits-300, net\) of bits 16, only 8"),
        ({"seeds": [0, 3]}, r"holds no lsh \(digits-300, net\) of 8 bits and seed 3, only 0"),
        ({"pretrained": "no/where.tar"}, "no/where.tar is neither an archive nor a folder"),
        ({"pretrained": [1]}, r"\[0\]: 1 is not text"),
    ],
)
def test_a_bundle_without_what_the_config_needs_is_refused(asked, change, words):
    with pytest.raises(ConfigError, match=f"^config key pretrained.*{words}"):
        ask(asked, **change)


def test_two_bundles_of_one_dataset_are_refused(asked):
    with pytest.raises(ConfigError, match="both hold 'digits'; name one of them"):
        ask(asked, pretrained=[str(asked), str(asked)])


def test_local_weights_may_move_but_not_change(asked, tmp_path):
    """The file is optional; if it exists, it must be the one that the features were computed with."""
    content = read(asked)
    weights = tmp_path / "mine.safetensors"
    weights.write_bytes(b"weights")
    held = {**FEATURES, "source": "mine", "weights_sha256": hashlib.sha256(b"weights").hexdigest()}
    path = write(tmp_path / "x.tar", described(content, backbones={"net": held}))
    change = {"backbones": [{**CONFIG["backbones"][0], "weights": str(weights)}]}
    ask(path, **change)
    weights.write_bytes(b"others")
    with pytest.raises(ConfigError, match="net with weights of sha256"):
        ask(path, **change)
    weights.unlink()
    ask(path, **change)


def test_the_device_is_that_of_the_evaluating_machine(asked, tmp_path):
    content = read(asked)
    variants = json.loads(content["manifest.json"])["variants"]
    variants["lsh"]["arguments"]["device"] = "cuda"
    ask(write(tmp_path / "x.tar", described(content, variants=variants)))
    variants["lsh"]["arguments"]["lr"] = 0.1
    with pytest.raises(ConfigError, match="lsh with lr 0.1, but the config asks for None"):
        ask(write(tmp_path / "y.tar", described(content, variants=variants)))


def test_an_id_covers_everything_in_a_bundle(bundle, content):
    one = archive.read_bundle_manifest(bundle)
    data = described(content, licences={})["manifest.json"]
    assert manifest.parse(data, "x").id != one.id
    assert one.protocols == ["p"]
    assert [cell.folder for cell in one.models] == ["models/p/net/cosine/0bits-seed0", MODEL]
