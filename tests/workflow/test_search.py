"""`l2h search` on finished runs against brute force."""

import json
import re
import shutil
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from l2h import codes
from l2h.cli import main
from l2h.errors import L2HError
from l2h.runs import Run
from l2h.runs.search import choose
from l2h.store.codes import read_codes
from l2h.store.manifests import read_manifest, write_manifest
from l2h.store.splits import read_split, write_split
from workspace import BACKBONE, moved

RESULTS = "results/tiny"
SEEDED = {"dataset": "digits", "seed": 0}


@given(arrays(bool, st.tuples(st.integers(1, 30), st.just(11))), st.integers(1, 40), st.randoms())
def test_neighbours_match_a_plain_loop(bits, k, random):
    ids = random.sample(range(1000), len(bits))
    expected = sorted(
        (sum(a != b for a, b in zip(bits[0], row, strict=True)), i) for row, i in zip(bits, ids, strict=True)
    )
    packed = codes.pack(bits)
    rows, distances = codes.nearest(packed[0], packed, np.array(ids), k)
    assert [ids[row] for row in rows] == [i for _, i in expected[:k]]
    assert distances[rows].tolist() == [distance for distance, _ in expected[:k]]
    assert sorted(distances.tolist()) == [distance for distance, _ in expected]


@pytest.fixture
def inside(copied, monkeypatch):
    """A working directory with a finished run, some of whose images are files too: image-<id>.png."""
    monkeypatch.chdir(copied.folder)
    return copied


def save(workspace, image):
    """A database image as a file."""
    pixels = np.load(workspace.folder / "resources/digits/images/images.npy")[image]
    path = workspace.folder / f"image-{image}.png"
    Image.fromarray(pixels).save(path)
    return str(path)


def some_of_the_database(workspace, n):
    split = read_split(workspace.folder / "resources/digits/splits/digits-300.parquet")
    return split.ids("database")[:: len(split.ids("database")) // n][:n]


def said(capsys, *words):
    code = main(["search", "--run", RESULTS, *map(str, words)])
    return code, *capsys.readouterr()


def refused(capsys, *words):
    """The error line of a command that exits with 1."""
    code, out, err = said(capsys, *words)
    assert (code, out) == (1, "")
    assert err.startswith("l2h: error: ")
    assert err.count("\n") == 1
    return err


@pytest.mark.parametrize("method", ["itq", "hashnet", "classifier", "dsh-full"])
def test_images_of_the_database_get_the_run_s_codes(inside, method):
    cell = choose(Run(inside.folder / RESULTS), {**SEEDED, "variant": method})
    ids = some_of_the_database(inside, 40)
    grey = cell.read_images(ids)
    stored = read_codes(cell.folder / "codes.parquet", ids)
    assert np.array_equal(cell.encode(grey), stored)
    assert np.array_equal(cell.encode([np.repeat(image[..., None], 3, 2) for image in grey[:3]]), stored[:3])


def test_an_image_of_the_database_finds_itself_first(inside, capsys):
    split = read_split("resources/digits/splits/digits-300.parquet")
    ids = split.ids("database")
    table = read_codes(f"{RESULTS}/digits/digits-300/alexnet-pool5/itq/8bits-seed0/codes.parquet", ids)
    bits = codes.unpack(table, 8)
    labels = read_manifest("resources/digits/manifest.parquet")["labels"].to_pylist()
    image = int(some_of_the_database(inside, 7)[3])
    code, out, _ = said(capsys, "--dataset", "digits", "--method", "itq", "--json", "--k", "25", save(inside, image))
    assert code == 0
    told = json.loads(out)
    assert (told["variant"], told["bits"], told["seed"]) == ("itq", 8, 0)
    expected = sorted((int((bits[row] != bits[ids == image][0]).sum()), int(ids[row])) for row in range(len(ids)))
    found = [(entry["distance"], entry["id"]) for entry in told["neighbours"]]
    assert found == expected[:25]
    assert (0, image) in expected[:25]
    assert [entry["rank"] for entry in told["neighbours"]] == list(range(1, 26))
    assert all(entry["labels"] == labels[entry["id"]] for entry in told["neighbours"])
    assert all(entry["location"] == f"images.npy[{entry['id']}]" for entry in told["neighbours"])
    last = expected[24][0]
    assert told["more_at_last_distance"] == sum(distance == last for distance, _ in expected[25:])


def test_table_and_image_show_query_and_neighbours(inside, capsys, tmp_path):
    sheet = tmp_path / "neighbours.png"
    words = ("--dataset", "digits", "--method", "itq", "--k", "8", "--picture", sheet)
    code, out, _ = said(capsys, *words, save(inside, 3))
    assert code == 0
    assert "digits, digits-300, alexnet-pool5: itq, 8 bits, seed 0" in out
    assert re.search(r"^ +1 +0 +\d+ +\d +images.npy\[\d+\]$", out, re.M)
    with Image.open(sheet) as image:
        assert image.format == "PNG"
        assert image.size == (6 * 156 + 12, 2 * 182 + 12)  # nine images in rows of six
        left = np.asarray(image)[12 : 12 + 144, 12 : 12 + 144]
    pixels = np.load("resources/digits/images/images.npy")[3]
    assert np.array_equal(left[9::18, 9::18, 0], pixels)  # the query first, each pixel a block of 18


@pytest.mark.parametrize("names", [[f"00{number}" for number in range(10)], [f"\x1b[2J{n}" for n in range(10)]])
def test_class_names_are_printed_without_control_characters(inside, capsys, names):
    path, words = Path("resources/digits/manifest.parquet"), ("--dataset", "digits", "--method", "itq", "--k", "8")
    manifest = read_manifest(path)
    columns = (manifest[name].to_pylist() for name in ("image_sha256", "labels", "location"))
    with moved(path):
        write_manifest(path, *columns, classes=names)
        _, out, _ = said(capsys, *words, "--json", save(inside, 3))
        _, text, _ = said(capsys, *words, save(inside, 3))
    found = json.loads(out)["neighbours"]
    assert all(entry["classes"] == [names[label] for label in entry["labels"]] for entry in found)
    shown = [entry["classes"][0].replace("\x1b", "?") for entry in found]
    assert re.findall(r" (\S+) +images.npy", text) == shown


def test_an_ambiguous_or_unknown_choice_lists_the_options(inside, capsys):
    image = save(inside, 3)
    assert "choose one with --dataset: digit_pairs, digits" in refused(capsys, image)
    assert f"choose one with --backbone: {BACKBONE}, external" in refused(capsys, "--dataset", "digits", image)
    words = ("--dataset", "digits", "--backbone", BACKBONE, image)
    assert "choose one with --method: classifier, dsh-full, hashnet, itq, toy" in refused(capsys, *words)
    assert "no codes of method 'nosuch'; choose one of classifier, dsh-full, external, hashnet, itq, toy" in (
        refused(capsys, "--method", "nosuch", image)
    )
    assert "no codes of bits 12; choose one of 8" in refused(capsys, "--bits", 12, image)
    assert "no codes of seed 5; choose one of 0" in refused(capsys, "--seed", 5, image)


def test_a_missing_or_unfinished_run_is_one_line(inside, capsys, tmp_path):
    assert main(["search", "--run", "results/none", save(inside, 3)]) == 1
    assert "there is no run results/none" in capsys.readouterr().err
    (tmp_path / "half").mkdir()
    assert main(["search", "--run", str(tmp_path / "half"), save(inside, 3)]) == 1
    assert "half/run.json does not exist; finish the run" in capsys.readouterr().err


def test_a_broken_image_is_one_line(inside, capsys, tmp_path):
    broken = tmp_path / "broken.png"
    broken.write_bytes((inside.folder / save(inside, 3)).read_bytes()[:60])
    assert f"{broken}: damaged or cut short" in refused(capsys, "--dataset", "digits", "--method", "itq", broken)
    assert "none.png: missing; check the path" in refused(capsys, "none.png")
    assert "x.svg: unknown image format" in refused(capsys, "--picture", "x.svg", save(inside, 3))


def test_missing_or_changed_weights_are_named_with_the_fix(inside, capsys):
    words = ("--dataset", "digits", "--method", "itq", save(inside, 3))
    weights = inside.folder / "resources/weights/alexnet-untrained-0.safetensors"
    with moved(weights):
        line = refused(capsys, *words)
        assert "resources/weights/alexnet-untrained-0.safetensors, the weights of alexnet-pool5, does not exist" in line
        assert "create it again: snakemake resources/weights/alexnet-untrained-0.safetensors --cores 8" in line
        weights.write_bytes(b"other weights")
        assert "differs from the weights that itq was trained with" in refused(capsys, *words)


@pytest.mark.parametrize(
    "path",
    [
        f"{RESULTS}/digits/digits-300/{BACKBONE}/itq/8bits-seed0/codes.parquet",
        f"{RESULTS}/digits/digits-300/{BACKBONE}/itq/8bits-seed0/model",
        "resources/digits/splits/digits-300.parquet",
        "resources/digits/manifest.parquet",
        "resources/digits/images",
    ],
)
def test_a_missing_file_is_named_with_its_command(inside, capsys, tmp_path, path):
    words = ("--dataset", "digits", "--method", "itq", "--bits", 8, "--image", tmp_path / "found.png")
    image = save(inside, 3)
    with moved(inside.folder / path):
        cure = f"create it with: snakemake {path} --cores 8 --configfile tiny.yaml"
        assert refused(capsys, *words, image) == f"l2h: error: {path} does not exist; {cure}\n"


def test_a_deleted_folder_is_named_with_its_command(inside, tmp_path):
    run = tmp_path / RESULTS
    left = run / f"digits/digits-300/{BACKBONE}/itq/16bits-seed0"
    left.mkdir(parents=True)
    (left / "codes.parquet").touch()
    shutil.copy(RESULTS + "/run.json", run)
    words = "has no codes of bits 8; choose one of 16, or if they were deleted, create them again: snakemake --cores 8"
    with pytest.raises(L2HError, match=words):
        choose(Run(run), {"bits": 8})


def test_a_changed_split_is_named(inside, capsys):
    words = ("--dataset", "digits", "--method", "itq", save(inside, 3))
    path = inside.folder / "resources/digits/splits/digits-300.parquet"
    split = read_split(path)
    with moved(path):
        write_split(path, type(split)(split.table, split.protocol, split.seed + 1))
        assert "the split digits-300 has changed since results/tiny was created" in refused(capsys, *words)


@contextmanager
def changed_json(path, change):
    """An untrusted file without its seal."""
    text = path.read_text()
    content = json.loads(text)
    del content["sha256"]
    change(content)
    path.write_text(json.dumps(content))
    try:
        yield
    finally:
        path.write_text(text)


def test_an_untrusted_description_is_checked(inside, capsys):
    image = save(inside, 7)
    choice = ("--dataset", "digits", "--method", "itq", "--bits", 8, image)
    run = inside.folder / RESULTS / "run.json"
    for fact in ("homes", "splits"):
        with changed_json(run, lambda facts, fact=fact: facts[fact].clear()):
            code, _, err = said(capsys, *choice)
        assert (code, err.count("\n")) == (1, 1)
        assert "which its run.json does not list" in err
    model = next(inside.folder.glob(f"{RESULTS}/digits/*/*/itq/8bits-seed0/model/model.json"))
    for value, words in [
        ("1000000", "input_size must be an integer from 1 to 4096, got 1000000"),
        ("x", "does not record its features"),
        (None, "does not record its features"),
    ]:
        with changed_json(model, lambda told, value=value: told["data"]["features"].update(input_size=value)):
            code, _, err = said(capsys, *choice)
        assert (code, err.count("\n")) == (1, 1)
        assert words in err
