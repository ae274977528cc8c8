"""The command line without a run: lists of registered names, the leak check, help, exit codes."""

import hashlib
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from PIL import Image

import l2h
from l2h import backbones, charts, datasets, hashing, metrics
from l2h.cli import main
from l2h.datasets import grey_thumbnails
from l2h.datasets.digits import Digits
from l2h.hashing.deep import full
from l2h.notes import Note
from l2h.splits import Split, make_split
from l2h.store.manifests import MANIFEST, read_manifest, write_manifest
from l2h.store.splits import SPLIT, read_split, write_split
from l2h.store.tables import LABELS
from l2h.store.thumbnails import write_thumbnails

ROOT = Path(__file__).parents[2]
PROTOCOL = Digits.protocols["digits-300"]
COMMANDS = (
    "methods",
    "datasets",
    "backbones",
    "metrics",
    "check-split",
    "check-config",
    "search",
    "export",
    "compare",
    "provenance",
)


@pytest.fixture(scope="module")
def digits(tmp_path_factory) -> Path:
    """The dataset's folder, as the workflow writes it."""
    folder = tmp_path_factory.mktemp("digits")
    Digits(sources=None).prepare(folder / "images", folder / "manifest.parquet")
    return folder


@pytest.fixture(scope="module")
def split(digits) -> Split:
    manifest = read_manifest(digits / "manifest.parquet")
    return make_split(manifest, "digits-300", PROTOCOL, seed=0)


@pytest.fixture
def sound(split, tmp_path) -> str:
    write_split(tmp_path / "sound.parquet", split)
    return str(tmp_path / "sound.parquet")


@pytest.fixture
def leaky(split, tmp_path) -> str:
    """The first query is in the training set, too."""
    row = split.table.slice(0, 1)
    twice = row.set_column(1, "role", pa.array(["train"]))
    write_split(tmp_path / "leaky.parquet", Split(pa.concat_tables([split.table, twice]), "digits-300", 0))
    return str(tmp_path / "leaky.parquet")


def said(capsys, *words) -> tuple[int, str, str]:
    """Exit code, stdout and stderr."""
    code = main(words)
    return code, *capsys.readouterr()


@pytest.mark.parametrize(
    ("kind", "registry"),
    [("methods", hashing.registry), ("datasets", datasets.registry), ("backbones", backbones.registry)],
)
def test_lists_have_a_line_for_each_registered_name(capsys, kind, registry):
    code, out, err = said(capsys, kind)
    assert (code, err) == (0, "")
    lines = [[name, summary.strip()] for name, _, summary in (line.partition(" ") for line in out.splitlines())]
    assert tuple(name for name, _ in lines) == registry.names()
    # what another test registered need not have a docstring
    ours = [name for name in registry.names() if "<" in name or registry.get(name).__module__.startswith("l2h.")]
    assert all(dict(lines)[name] for name in ours)
    code, out, _ = said(capsys, kind, "--json")
    assert [list(one.values()) for one in json.loads(out)] == lines


def test_one_method_is_shown_with_its_defaults(capsys):
    code, out, _ = said(capsys, "methods", "itq", "--json")
    assert code == 0
    shown = json.loads(out)
    made = hashing.make("itq", bits=8).get_params()
    assert shown["parameters"] == {name: made[name] for name in made if name not in ("bits", "random_state")}
    out = said(capsys, "methods", "itq")[1]
    assert "n_iter = 50" in out
    assert "scope" not in out  # it has none to choose from


def test_a_deep_method_s_parameters_are_explained_in_yaml(capsys):
    out = said(capsys, "methods", "dsh")[1]
    assert "share of the training images held out for validation" in out
    shown = dict(line.strip().split(" = ") for line in out.splitlines() if " = " in line and line.startswith("  "))
    assert (shown["margin"], shown["crop"], shown["pairs"]) == ("null", "true", "bank")
    assert yaml.safe_load(shown["weight_decay"]) == 1e-5  # which YAML would take for text
    for name in hashing.available():
        defaults = json.loads(said(capsys, "methods", name, "--json")[1])["parameters"]
        out = said(capsys, "methods", name)[1].partition("\n\nat scope full")[0]
        lines = [line.strip().split(" = ") for line in out.splitlines()]
        told = {key: yaml.safe_load(words) for key, words in (line for line in lines if len(line) == 2)}
        assert {key: told[key] for key in defaults} == defaults


def test_every_parameter_of_a_method_is_documented(capsys):
    """In its own docstring, or in that of a base, which is shown below it."""
    for name in hashing.registry.names():
        shown = json.loads(said(capsys, "methods", name, "--json")[1])
        lists = re.findall(r"^((?:\w+, )*\w+) :", shown["description"], re.MULTILINE)
        assert {one for names in lists for one in names.split(", ")} >= shown["parameters"].keys(), name


def test_parameters_of_scope_full_are_those_that_only_it_has(capsys):
    shown = json.loads(said(capsys, "methods", "dsh", "--json")[1])
    whole = full.make("dsh", bits=8).get_params()
    left_out = ("bits", "random_state", "scope", "device")
    both = {**shown["parameters"], **shown["at scope full"]}
    assert both == {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in whole.items()
        if name not in left_out
    }
    assert {"backbone_lr", "patience", "crop"} <= set(shown["at scope full"])


def test_protocols_and_layers_are_shown(capsys):
    assert (
        "cifar10-54k = query 100, train 500, per_class true, train_in_database false"
        in (said(capsys, "datasets", "cifar10")[1])
    )
    assert "root = needed" in said(capsys, "datasets", "image_list")[1]
    shown = said(capsys, "backbones", "alexnet")[1]
    assert "layers: fc7, fc6, pool5" in shown
    assert "train_from: conv2, conv3, conv4, conv5" in shown


def test_metrics_are_listed_and_shown(capsys):
    code, out, _ = said(capsys, "metrics")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()] == list(metrics.registered())
    assert "tied_pairs             tied pairs: probability that two items" in out
    assert said(capsys, "metrics", "empty_in_radius")[1].splitlines() == [
        "name: empty_in_radius",
        "axis: empty lookups, Hamming radius 2",
        "better: lower",
        "formula: share of queries without any item at distance <= k, the radius",
        "computed on: histogram",
        "columns: empty_in_radius",
    ]
    found = {one["name"]: one for one in json.loads(said(capsys, "metrics", "--json")[1])}
    assert found["map_unseen"]["computed on"] == "ranking, unseen images"
    assert found["bit_entropy"]["columns"] == []
    assert "'mapp' is not a metric (did you mean 'map'?)" in said(capsys, "metrics", "mapp")[2]


def test_charts_are_listed_and_shown(capsys):
    code, out, _ = said(capsys, "charts")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()] == list(charts.registry)
    assert "radius              Is Hamming radius 2 enough? Precision within it against code length" in out
    shown = said(capsys, "charts", "map")[1].splitlines()
    assert shown[:2] == ["name: map", "shows: Which code length is enough? mAP against code length"]
    assert shown[2].startswith("note: Bands are 95% CI")
    assert json.loads(said(capsys, "charts", "--json")[1])[0]["name"] == "map"
    assert "'radios' is not a chart (did you mean 'radius'?)" in said(capsys, "charts", "radios")[2]


def test_an_unknown_name_is_one_line_with_the_known_names(capsys, tmp_path):
    code, out, err = said(capsys, "methods", "nosuch")
    assert (code, out) == (1, "")
    assert err.startswith("l2h: error: 'nosuch' is not a method; choose one of bihalf, ")
    assert err.count("\n") == 1
    empty = tmp_path / "empty.py"
    empty.write_text("from l2h.hashing.base import LinearHasher\n\nclass Mine(LinearHasher): pass\n")
    code, _, err = said(capsys, "methods", "--plugin", str(empty), "mine")
    assert code == 1
    assert f"plug-in {empty}: it registers nothing; put @hashing.register(name), or that of datasets, back" in err
    code, _, err = said(capsys, "datasets", "--plugin", "nosuch.py")
    assert code == 1
    assert "plug-in nosuch.py is not a Python file" in err


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["methods", "itqq"], "'itqq' is not a method (did you mean 'itq'?); choose one of bihalf, "),
        (["methods", "HashNet"], "'HashNet' is not a method (did you mean 'hashnet'?); choose one of"),
        (["methods", "lhs"], "'lhs' is not a method (did you mean 'lsh'?); choose one of"),
        (["datasets", "mnits"], "'mnits' is not a dataset (did you mean 'mnist'?); choose one of"),
        (["backbones", "vgg61"], "'vgg61' is not a backbone (did you mean 'vgg16'?); choose one of"),
        (["backbones", "tim:resnet50"], "'tim:resnet50' is not a backbone (did you mean 'timm:'?); choose one of"),
    ],
)
def test_similar_names_are_suggested(capsys, words, line):
    code, out, err = said(capsys, *words)
    assert (code, out) == (1, "")
    assert err.startswith(f"l2h: error: {line}")


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["serach"], "l2h: error: argument COMMAND: invalid choice: 'serach' (did you mean 'search'?); choose one of"),
        (["nosuch"], "l2h: error: argument COMMAND: invalid choice: 'nosuch'; choose one of run, bench, search"),
        (["--vesion"], "l2h: error: unrecognized option --vesion (did you mean '--version'?)"),
        # not that --run is required
        (["search", "--rnu=r", "x"], "l2h search: error: unrecognized option --rnu (did you mean '--run'?)"),
        (["search", "x", "--run", "r", "--size", "3"], "l2h search: error: unrecognized option --size\n"),
        (["methods", "itq", "--jsn"], "l2h methods: error: unrecognized option --jsn (did you mean '--json'?)"),
    ],
)
def test_a_mistyped_command_or_option_is_suggested(capsys, words, line):
    with pytest.raises(SystemExit) as end:
        main(words)
    assert end.value.code == 2
    *usage, said = capsys.readouterr().err.splitlines(keepends=True)
    assert usage[0].startswith("usage: l2h")
    assert said.startswith(line)


def test_options_may_be_shortened_and_follow_the_image(capsys):
    code, _, err = said(capsys, "methods", "itq", "--js")
    assert (code, err) == (0, "")
    with pytest.raises(SystemExit):
        main(["search", "--", "--rnu"])  # an image of that name
    assert "the following arguments are required: --run" in capsys.readouterr().err


def test_check_split_fails_only_on_a_leak(capsys, sound, leaky, split):
    code, out, err = said(capsys, "check-split", sound)
    assert (code, err) == (0, "")
    assert out == f"{sound}: no leak in digits-300 (300 query, 500 train, 1497 database)\n"
    code, out, err = said(capsys, "check-split", leaky, sound)
    assert (code, err) == (1, "")
    assert f"{leaky}: split digits-300: train holds query {split.table['id'][0]}" in out
    assert f"{sound}: no leak" in out


def test_check_split_finds_near_copies_if_given_images(capsys, sound, leaky, digits, tmp_path):
    manifest = read_manifest(digits / "manifest.parquet")
    code, out, _ = said(capsys, "check-split", sound, "--data", str(digits), "--json")
    (found,) = json.loads(out)
    assert code == 0
    assert found["roles"] == {"query": 300, "train": 500, "database": 1497}
    assert "; near copies: none\n" in said(capsys, "check-split", sound, "--data", str(digits))[1]
    # a query that is mirrored into the database
    images = np.load(digits / "images/images.npy")
    split = read_split(sound)
    query, other = split.ids("query")[0], split.ids("database")[0]
    images[other] = images[query][:, ::-1]
    (tmp_path / "data/images").mkdir(parents=True)
    np.save(tmp_path / "data/images/images.npy", images)
    hashes = manifest["image_sha256"].to_pylist()
    hashes[other] = hashlib.sha256(images[other].tobytes()).digest()
    columns = (manifest[name].to_pylist() for name in ("labels", "location"))
    write_manifest(tmp_path / "data/manifest.parquet", hashes, *columns)
    planted = make_split(read_manifest(tmp_path / "data/manifest.parquet"), "digits-300", PROTOCOL, seed=0)
    assert planted.ids("query")[0] == query
    write_split(tmp_path / "planted.parquet", planted)
    code, out, _ = said(capsys, "check-split", str(tmp_path / "planted.parquet"), "--data", str(tmp_path / "data"))
    assert code == 0
    assert f"query {query} ({manifest['location'][int(query)]}) and {other} ({manifest['location'][int(other)]})" in out
    assert "mirrored" in out
    code, out, _ = said(capsys, "check-split", leaky, "--data", str(digits), "--json")
    assert code == 1
    assert "(images.npy[" in json.loads(out)[0]["problem"]  # with the images, places are named too


def test_near_copies_are_found_in_the_run_s_thumbnails(capsys, sound, digits, tmp_path):
    """Without the images; if they do not match, the line says so, and does not advise deleting them."""
    manifest = read_manifest(digits / "manifest.parquet")
    thumbnails = grey_thumbnails.of_store(digits / "images", manifest)
    split = read_split(sound)
    query, other = split.ids("query")[0], split.ids("database")[0]
    thumbnails[other] = thumbnails[query]
    shutil.copy(digits / "manifest.parquet", tmp_path)
    write_thumbnails(tmp_path / "thumbnails.parquet", manifest, thumbnails)
    code, out, _ = said(capsys, "check-split", sound, sound, "--data", str(tmp_path), "--json")
    pairs = [[(row["query_id"], row["id"]) for row in found["near_copies"]] for found in json.loads(out)]
    assert (code, pairs) == (0, [[(query, other)]] * 2)
    backwards = manifest.take(np.arange(len(manifest))[::-1])
    write_thumbnails(tmp_path / "thumbnails.parquet", backwards, thumbnails)
    code, out, _ = said(capsys, "check-split", sound, "--data", str(tmp_path))
    assert code == 1
    assert "thumbnails.parquet does not match the manifest: other ids or sha256; give a dataset's folder" in out
    assert "delete" not in out


def test_lone_queries_are_counted_and_refused_unless_accepted(capsys, tmp_path):
    rows = [(0, "query", 0), (1, "query", 1), (2, "train", 0), (3, "database", 0)]
    columns = [{"id": i, "role": role, "image_sha256": bytes([i] * 32), "labels": [label]} for i, role, label in rows]
    path = str(tmp_path / "p.parquet")
    write_split(path, Split(pa.Table.from_pylist(columns, schema=SPLIT), "p", 0))
    code, out, _ = said(capsys, "check-split", path)
    assert code == 1
    assert "1 of 2 queries share no label with anything in the database" in out
    code, out, _ = said(capsys, "check-split", path, "--allow-lone-queries")
    assert code == 0
    assert "queries without a relevant item: 1 in the database, 1 without its training images" in out
    (found,) = json.loads(said(capsys, "check-split", path, "--json")[1])
    assert (found["lone_queries"], found["lone_queries_unseen"]) == (1, 1)


def test_identical_and_omitted_images_are_counted(capsys, caplog, tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (8, 16, 16), dtype=np.uint8)
    images[1], images[5] = images[0], images[4]
    labels = [[0], [0], [0], [1], [0], [1], [1], [0]]
    (tmp_path / "images").mkdir()
    np.save(tmp_path / "images/images.npy", images)
    hashes = [hashlib.sha256(image.tobytes()).digest() for image in images]
    places = [f"images.npy[{row}]" for row in range(8)]
    roles = [["query"], ["query"], ["train"], ["train"], *[["database"]] * 4]
    left_out = Note("left out", 2, ["a", "b"])
    write_manifest(tmp_path / "manifest.parquet", hashes, labels, places, roles, notes=[left_out])
    path = tmp_path / "p.parquet"
    write_split(path, make_split(read_manifest(tmp_path / "manifest.parquet"), "lists", None, 0))
    code, out, _ = said(capsys, "check-split", str(path))
    assert code == 0
    assert out.splitlines()[1:] == [
        "  queries of the same bytes: 2 (id 0 [label 0] = id 1 [label 0])",
        "  identical images: 2 (id 4 [label 0] = id 5 [label 1])",
        "  identical images under contradicting labels: 2 (id 4 [label 0] = id 5 [label 1])",
    ]
    code, out, _ = said(capsys, "check-split", str(path), "--data", str(tmp_path))
    assert code == 0
    assert out.splitlines()[1] == "  left out: 2 (a, b)"
    assert "identical images under contradicting labels: 2 (images.npy[4] [label 0] = images.npy[5] [label 1])" in out
    assert "identical images under contradicting labels: 2 (images.npy[4]" in caplog.text
    (found,) = json.loads(said(capsys, "check-split", str(path), "--data", str(tmp_path), "--json")[1])
    assert [note["count"] for note in found["notes"]] == [2, 2, 2, 2]
    assert found["notes"][0] == {"what": "left out", "count": 2, "examples": ["a", "b"], "more": False}


def test_a_split_of_another_dataset_is_refused(capsys, sound, digits, tmp_path):
    manifest = read_manifest(digits / "manifest.parquet")
    hashes = manifest["image_sha256"].to_pylist()[::-1]
    columns = (manifest[name].to_pylist() for name in ("labels", "location"))
    write_manifest(tmp_path / "manifest.parquet", hashes, *columns)
    code, out, _ = said(capsys, "check-split", sound, "--data", str(tmp_path))
    assert code == 1
    assert "split digits-300: its ids or sha256 do not match the dataset" in out


@pytest.mark.parametrize("name", ["none.parquet", "broken.parquet", "notes.txt"])
def test_an_unreadable_file_fails_the_check(capsys, tmp_path, name):
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 and no more")
    (tmp_path / "notes.txt").write_text("id,role\n0,query\n")
    code, out, _ = said(capsys, "check-split", str(tmp_path / name))
    assert code == 1
    assert out.count(name) == 1
    assert out.count("\n") == 1
    assert ("give a split that a run wrote" in out) == (name != "none.parquet")
    assert ("notes.txt is not a parquet file" in out) == (name == "notes.txt")
    assert "delete" not in out


def no_splits(folder: Path, split: Split) -> dict[str, Path]:
    """Invalid split files, each for another reason."""
    table = split.table.replace_schema_metadata({"protocol": "p", "seed": "0", "sha256": split.sha256})
    labels = pa.array([[-1]] * len(table), LABELS)
    kinds = {
        "manifest": MANIFEST.empty_table(),
        "without metadata": split.table.replace_schema_metadata(None),
        "other rows": table.slice(1),
        "negative labels": table.set_column(3, "labels", labels),
        "nulls": table.set_column(1, "role", pa.nulls(len(table), pa.string())),
        "metadata that is not text": table.replace_schema_metadata({b"protocol": b"\xff"}),
        "seed that is not a number": table.replace_schema_metadata({"protocol": "p", "seed": "x", "sha256": "y"}),
    }
    for kind, rows in kinds.items():
        pq.write_table(rows, folder / f"{kind}.parquet")
    (folder / "folder.parquet").mkdir()
    return {path.stem: path for path in folder.iterdir()}


def test_check_split_never_suggests_to_delete_its_input(capsys, split, digits, tmp_path):
    (tmp_path / "files").mkdir()
    paths = no_splits(tmp_path / "files", split)
    assert len(paths) == 8
    for kind, path in paths.items():
        code, out, _ = said(capsys, "check-split", str(path))
        assert (code, out.count("\n")) == (1, 1), kind
        assert out.startswith(str(path)), kind
        assert "delete" not in out, kind
        assert "give a split that a run wrote" in out or kind == "seed that is not a number", out


def test_check_split_never_suggests_to_delete_a_dataset_s_folder(capsys, sound, tmp_path):
    (tmp_path / "manifest.parquet").write_bytes(b"PAR1 and no more")
    code, out, _ = said(capsys, "check-split", sound, "--data", str(tmp_path))
    assert code == 1
    assert "manifest.parquet is damaged or cut short" in out
    assert "give a dataset's folder that a run wrote" in out
    assert "delete" not in out


@pytest.fixture
def photo(tmp_path) -> Path:
    Image.new("RGB", (4, 4)).save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


@pytest.mark.parametrize(
    ("place", "words"),
    [
        (
            "new/folders/found.png",
            "new/folders/found.png cannot be written: {}/new/folders is not a folder; create it, or",
        ),
        ("photo.png/found.png", "photo.png/found.png cannot be written: {}/photo.png is not a folder; create it, or"),
        ("folder.png", "folder.png is a folder; choose another name"),
        ("found.svg", "found.svg: unknown image format; choose a name that ends in one of .jpeg, .jpg, .png"),
    ],
)
def test_search_needs_a_valid_path_for_its_image(capsys, tmp_path, photo, place, words):
    (tmp_path / "folder.png").mkdir()
    before = sorted(tmp_path.rglob("*"))
    code, out, err = said(capsys, "search", "--run", "none", "--image", str(tmp_path / place), str(photo))
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert words.format(tmp_path) in err
    assert sorted(tmp_path.rglob("*")) == before


def test_each_fault_of_a_query_image_has_its_own_fix(capsys, tmp_path, photo):
    (tmp_path / "notes.txt").write_text("no image")
    (tmp_path / "cut.png").write_bytes(photo.read_bytes()[:-24])
    Image.new("I;16", (4, 4)).save(tmp_path / "deep.png")
    Image.new("1", (9000, 9000)).save(tmp_path / "large.png")
    fixes = {
        "none.png": "none.png: missing; check the path",
        "": f"{tmp_path}: not a regular file; check the path",
        "notes.txt": "not an image of a supported format; give one of BMP, GIF, JPEG",
        "cut.png": "damaged or cut short; get it again, or choose another image",
        "deep.png": "more than 8 bits a channel; save it as a still 8-bit RGB or grey image",
        "large.png": "more than 64 million pixels; save a smaller copy",
    }
    for name, words in fixes.items():
        code, _, err = said(capsys, "search", "--run", "none", str(tmp_path / name))
        assert (code, err.count("\n")) == (1, 1)
        assert words in err


def test_pillow_s_own_warnings_do_not_reach_the_screen(capsys, photo, monkeypatch, recwarn):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)  # it warns from there on
    Image.open(photo).close()
    assert recwarn.pop(Image.DecompressionBombWarning)
    said(capsys, "search", "--run", "none", str(photo))
    assert [str(one.message) for one in recwarn.list] == []


def test_the_version_is_printed(capsys):
    with pytest.raises(SystemExit) as end:
        main(["--version"])
    assert end.value.code == 0
    assert capsys.readouterr().out == f"l2h {l2h.__version__}\n"


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_examples_and_exit_codes(capsys, command):
    with pytest.raises(SystemExit) as end:
        main([command, "--help"])
    assert end.value.code == 0
    text = capsys.readouterr().out
    assert f"examples:\n  l2h {command}" in text
    assert "exit codes:\n  0  success\n  1  " in text
    assert "--json" in text


@pytest.mark.parametrize("words", [[], ["nosuch"], ["check-split"]])
def test_an_invalid_command_line_exits_with_2(capsys, words):
    with pytest.raises(SystemExit) as end:
        main(words)
    assert end.value.code == 2
    assert "usage: l2h" in capsys.readouterr().err


PLUGIN = ROOT / "tests/support/toy_method.py"
SLOW = {
    ("--help",): {"numpy", "pyarrow", "sklearn", "torch"},
    ("provenance", "x"): {"torch", "sklearn", "pandas", "numba"},
    ("export", "x"): {"torch", "sklearn", "pandas", "numba", "faiss", "h5py"},
    ("check-split", "x"): {"torch", "sklearn", "pandas"},
    ("check-config", "x"): {"torch", "sklearn", "pandas"},
    ("datasets", "digits"): {"torch", "sklearn"},
    ("backbones",): {"torch", "sklearn"},
    ("methods", "--plugin", str(PLUGIN)): {"torch", "torchvision"},
}


def test_commands_import_only_what_they_need():
    """All in one process, where imports and plug-ins accumulate."""
    program = f"""
import sys
from l2h.cli import main
for words in {list(SLOW)!r}:
    try:
        main(words)
    except SystemExit:
        pass
    print(*sys.modules, file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", program], text=True, capture_output=True, check=True)
    imported = [set(line.split()) for line in done.stderr.splitlines() if " l2h.cli " in line]
    for (words, too_slow), modules in zip(SLOW.items(), imported, strict=True):
        assert not too_slow & modules, words
    assert re.search("^toy .*The code is the signs of the first `bits` features", done.stdout, re.MULTILINE)


def test_a_closed_pipe_is_not_an_error():
    program = [sys.executable, "-m", "l2h", "backbones"]
    reader = subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    reader.stdout.close()  # before a line is written
    assert reader.stderr.read() == b""
    assert reader.wait() == 0


def test_control_characters_in_untrusted_files_are_not_printed(capsys, tmp_path):
    pq.write_table(pa.table({"\x1b[2J\nl2h: success\x9b": [1]}), tmp_path / "t.parquet")
    code, out, _ = said(capsys, "check-split", str(tmp_path / "t.parquet"))
    assert code == 1
    assert "not a split file: its columns are ?[2J?l2h: success?" in out
    assert out.count("\n") == 1


PLAIN = "datasets: [digits]\nbackbones: [alexnet]\nmethods: [lsh]\n"
PYTHON = 'plugins: ?open("ran", "w") and []\n'
BOMB = "m0: &m0 {k: v}\n" + "".join(f"m{n + 1}: &m{n + 1} {{<<: [{', '.join([f'*m{n}'] * 10)}]}}\n" for n in range(9))
REFUSED = {
    "plain": (
        "__use_yte__: true\n" + PYTHON + PLAIN,
        "line 1: the key __use_yte__ makes Snakemake execute code in the config",
    ),
    "escaped": ('"__use\\x5fyte__": true\n' + PYTHON + PLAIN, "line 1: the key __use_yte__"),
    "merged": ('a: &a\n  "\\x5f_use_yte__": true\n<<: *a\n' + PYTHON + PLAIN, "__use_yte__|merges keys with <<"),
    "merging": (BOMB + PLAIN, r"line \d+: it merges keys with <<"),
    "laughing": (
        "a0: &a0 [l, l]\n" + "".join(f"a{n + 1}: &a{n + 1} [*a{n}, *a{n}]\n" for n in range(30)) + PLAIN,
        "more than 100000 values",
    ),
    "endless": ("&c\n" + PLAIN + "plugins: *c\n", "more than 100000 values"),
    "tag": (PLAIN + 'plugins: !!python/object/apply:os.system ["touch ran"]\n', "cannot be read: could not determine"),
    "deep": (PLAIN + "plugins: " + "[" * 5000 + "]" * 5000, "cannot be read: maximum recursion depth exceeded"),
    "deep JSON": ('{"a": ' + "[" * 50_000 + "]" * 50_000 + "}", "cannot be read: maximum recursion depth exceeded"),
    "digits": (PLAIN + "bits: [" + "9" * 5000 + "]\n", "cannot be read: Exceeds the limit"),
    "large": (PLAIN + "#" * 2**18, "is larger than 256 KiB"),
    "latin": (PLAIN + "# \xff", "cannot be read: 'utf-8' codec"),
    "list": ("[]", "is not a config"),
    "key": (PLAIN + '"a\\e[2J": 1\n', r"unknown key 'a\\x1b\[2J'"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_a_config_that_would_execute_something_is_refused(capsys, tmp_path, monkeypatch, kind):
    monkeypatch.chdir(tmp_path)
    text, words = REFUSED[kind]
    Path("their.yaml").write_bytes(text.encode("latin-1"))
    code, out, err = said(capsys, "check-config", "their.yaml")
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert re.search(words, err)
    assert not Path("ran").exists()


def test_snakemake_executes_escaped_keys_of_a_config(tmp_path):
    """The reason for the command: Snakemake itself reads a config like this."""
    from snakemake.common.configfile import load_configfile

    path = tmp_path / "their.yaml"
    path.write_text(REFUSED["escaped"][0].replace('"ran"', json.dumps(str(tmp_path / "ran"))))
    assert "__use_yte__" not in path.read_text()
    load_configfile(path)
    assert (tmp_path / "ran").exists()


def test_a_config_s_programs_and_files_are_named(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text("open('ran', 'w')")
    Path("their.yaml").write_text(
        """datasets: [digits, {name: mine, reader: image_list, params: {root: /no/where}}]
backbones: [{name: alexnet, weights: mine.safetensors}]
methods: [lsh, {method: external, params: {codes: "a\\e[31m.npy"}}]
"plug\\x69ns": [mine.py]
"""
    )
    code, out, err = said(capsys, "check-config", "their.yaml")
    assert code == 1
    assert "backbones[0].weights: 'mine.safetensors' is neither one of" in err
    assert out.splitlines() == [
        'executes the plug-in "mine.py"',
        'names "mine.safetensors" at backbones[0].weights',
        'names "/no/where" at datasets[1].params.root',
        'names "a\\u001b[31m.npy" at methods[1].params.codes',
    ]
    found = json.loads(said(capsys, "check-config", "their.yaml", "--json")[1])
    assert found["plugins"] == ["mine.py"]
    assert found["error"].startswith("config key backbones[0].weights")
    assert not Path("ran").exists()


PLUGIN = """open("ran", "w")
from l2h import hashing
from l2h.hashing.shallow.lsh import LSH

@hashing.register("trusted")
class Trusted(LSH): pass
"""


def test_plugins_run_only_if_trusted(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("trusted_method.py").write_text(PLUGIN)
    config = PLAIN.replace("[lsh]", "[lsh, trusted]") + "plugins: [trusted_method.py]\nseeds: [0, 1]\n"
    Path("their.yaml").write_text(config)
    code, out, err = said(capsys, "check-config", "their.yaml")
    assert (code, err) == (0, "")
    assert "not checked: methods[1].method, 'trusted'\nthese names, which a plug-in may register" in out
    assert "\n8 cells in about " in out
    assert not Path("ran").exists()
    code, out, err = said(capsys, "check-config", "their.yaml", "--trust-plugins")
    assert (code, err) == (0, "")
    assert "methods: lsh (shallow), trusted (shallow)" in out
    assert "\n16 cells in about " in out
    assert Path("ran").exists()


@pytest.mark.parametrize(
    ("entry", "name"),
    [
        ("datasets: [theirs]", "datasets[0].name, 'theirs'"),
        ("datasets: [{name: x, reader: digit}]", "datasets[0].reader, 'digit' (did you mean 'digits'?)"),
        (
            "datasets: [{name: x, reader: image_list, params: {root: .}, protocol: theirs}]",
            "datasets[0].protocol, 'theirs'",
        ),
        ("backbones: [theirs]", "backbones[0].name, 'theirs'"),
    ],
)
def test_names_that_a_plugin_may_register_are_accepted(capsys, tmp_path, monkeypatch, entry, name):
    monkeypatch.chdir(tmp_path)
    Path("mine.py").touch()
    key = entry.partition(":")[0]
    lines = [line for line in PLAIN.splitlines() if not line.startswith(key)] + [entry]
    Path("their.yaml").write_text("\n".join(lines))
    assert said(capsys, "check-config", "their.yaml")[0] == 1
    Path("their.yaml").write_text("\n".join([*lines, "plugins: [mine.py]"]))
    code, out, _ = said(capsys, "check-config", "their.yaml")
    assert code == 0
    assert f"not checked: {name}\n" in out


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"methods": ["itqq"]}, "'itqq' is not a method (did you mean 'itq'?)"),
        ({"methods": [{"method": "itq", "params": {"n_itr": 9}}]}, "itq has no parameter 'n_itr'"),
        ({"methods": ["itqq"], "plugins": ["nowhere.py"]}, "plug-in nowhere.py is not a Python file"),
        (
            {"datasets": [{"name": "m", "reader": "image_list", "params": {"root": "no"}}]},
            "m cannot be run: no is not a folder",
        ),
    ],
)
def test_check_config_refuses_what_a_run_refuses(capsys, tmp_path, monkeypatch, change, words):
    monkeypatch.chdir(tmp_path)
    path = Path("mine.yaml")
    path.write_text(yaml.safe_dump({**yaml.safe_load(PLAIN), **change}))
    code, out, err = said(capsys, "check-config", str(path))
    assert (code, err.count("\n")) == (1, 1)
    assert words in err
    assert all(line.startswith(("executes the plug-in", "names")) for line in out.splitlines())


def test_a_protocol_that_cannot_be_drawn_is_refused(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("cat/1.png", "owl/2.png"):
        Path(name).parent.mkdir()
        Path(name).touch()
    protocol = {"name": "p", "query": 1, "train": 2, "per_class": True}
    entry = {"name": "mine", "reader": "image_list", "params": {"root": "."}, "protocol": protocol}
    Path("mine.yaml").write_text(yaml.safe_dump({**yaml.safe_load(PLAIN), "datasets": [entry]}))
    code, _, err = said(capsys, "check-config", "mine.yaml")
    assert code == 1
    assert "config key datasets[0].protocol: protocol p cannot be drawn: class cat has 1 of the 3 needed" in err


def test_the_jobs_of_a_run_are_counted(capsys):
    out = json.loads(said(capsys, "check-config", str(ROOT / "config/quickstart.yaml"), "--json")[1])
    assert (out["cells"], out["error"], out["not_checked"]) == (68, None, {})
    assert out["datasets"][0] == {"dataset": "digits", "protocol": "digits-300", "missing": None}
    assert out["jobs"] == 108  # as `snakemake -n` counts
    least, most = out["minutes"]
    assert 1 < least < most < 30


def test_external_codes_are_counted_once_for_all_backbones(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for bits in (8, 12):
        Path(f"digits-{bits}.npy").touch()
    backbones = [{"name": "alexnet", "layer": layer, "weights": "untrained"} for layer in ("fc7", "fc6")]
    methods = ["lsh", "pq", {"method": "external", "params": {"codes": "{dataset}-{bits}.npy"}}]
    config = {"datasets": ["digits"], "backbones": backbones, "methods": methods, "bits": [8, 12]}
    Path("mine.json").write_text(json.dumps(config))
    _, out, _ = said(capsys, "check-config", "mine.json")
    assert "\n8 cells in about " in out  # lsh 4, pq 2, external 2
    assert "\nleft out: pq at 12 bits: pq: bits must be a multiple of 8" in out


def test_shipped_configs_pass_or_name_missing_images(capsys):
    for path in sorted((ROOT / "config").glob("*.yaml")):
        code, _, err = said(capsys, "check-config", str(path))
        missing = path.stem in ("own_images", "cifar10_jpeg", "mosaics") and "cannot be run" in err
        assert code == 0 or missing, path
