"""What `l2h export` writes, read back by numpy, faiss and h5py."""

import json
import os
import re

import faiss
import h5py
import numpy as np
import pyarrow as pa
import pytest

import l2h
from l2h import codes, extras, paths
from l2h.cli import export as command
from l2h.cli import main
from l2h.errors import L2HError
from l2h.runs import Run, description
from l2h.runs.export import FORMATS, export
from l2h.runs.selection import matching
from l2h.splits import Split
from l2h.store.codes import read_codes, write_codes
from l2h.store.splits import SPLIT, read_split, write_split
from test_runs import FACTS
from test_runs import SPLIT as COUNTS
from workspace import ROOT

RUN = "results/tiny"
ITEMS, QUERIES = 130, 7
LABELS = {  # of image i, by dataset
    "single": lambda i: [i % 3],
    "multi": lambda i: sorted({2 + i % 3, 5 * (i % 2)}),
    "bare": lambda i: [],
}
CELLS = [("single", "itq", 16), ("single", "lsh", 16), ("single", "lsh", 12), ("multi", "lsh", 12), ("bare", "lsh", 16)]
NAMES = {f"{role}_{what}.npy" for role in ("query", "database") for what in ("codes", "ids", "labels")}


def cell_of(dataset, variant, bits):
    return {"dataset": dataset, "protocol": "p", "backbone": "b", "variant": variant, "bits": bits, "seed": 0}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A finished run whose ids differ from row numbers, and with many equal codes."""
    root = tmp_path_factory.mktemp("made")
    rng = np.random.default_rng(0)
    facts = {**FACTS, "command": "snakemake --cores 8 --configfile tiny.yaml", "splits": {}, "homes": {}}
    ids = rng.permutation(1000)[: ITEMS + QUERIES]
    roles = ["query"] * QUERIES + ["database"] * ITEMS
    for dataset, labels in LABELS.items():
        rows = {"id": ids, "role": roles, "image_sha256": [bytes([i]) * 32 for i in range(len(ids))]}
        table = pa.table({**rows, "labels": [labels(i) for i in range(len(ids))]}, schema=SPLIT)
        split = Split(table, "p", 0)
        (root / "resources" / dataset / "splits").mkdir(parents=True)
        write_split(root / "resources" / dataset / paths.SPLIT.format(protocol="p"), split)
        facts["splits"][f"{dataset}/p"] = {**COUNTS, "sha256": split.sha256}
        facts["homes"][dataset] = f"resources/{dataset}"
    for cell in (cell_of(*one) for one in CELLS):
        packed = codes.pack(rng.integers(0, 2, (len(ids), cell["bits"])))
        if cell["bits"] == 12:
            packed[::3, -1] |= 0x50  # padding that some method left
        key = {**cell, "method": cell["variant"], "weights": "w", "scope": "shallow"}
        path = root / RUN / paths.CODES.format(**cell)
        write_codes(path, [(ids[:50], packed[:50]), (ids[50:], packed[50:])], {n: str(v) for n, v in key.items()})
    description.write(facts, root / RUN / "run.json")
    return root


@pytest.fixture
def inside(made, monkeypatch):
    monkeypatch.chdir(made)
    return Run(made / RUN)


@pytest.fixture
def bare(monkeypatch):
    """Simulate that no extra is installed."""
    monkeypatch.setattr(extras, "find_spec", lambda _: None)


def bits_of(cell, role):
    """The run's own codes, unpacked."""
    ids = read_split(f"resources/{cell['dataset']}/splits/p.parquet").ids(role)
    return codes.unpack(read_codes(f"{RUN}/{paths.CODES.format(**cell)}", ids), cell["bits"])


def brute_force(cell):
    """Distances of all pairs, int (QUERIES, ITEMS)."""
    return (bits_of(cell, "query")[:, None] != bits_of(cell, "database")).sum(axis=2)


def said(capsys, *words):
    return main(["export", *map(str, words)]), *capsys.readouterr()


@pytest.fixture(scope="module")
def exported(made):
    """Folders by (dataset, variant, bits), and their descriptions."""
    run = Run(made / RUN)
    found = list(export(run, matching(run, {}), made / "exported"))
    return {(one["dataset"], one["variant"], one["bits"]): one for one in found}


def test_every_cell_with_codes_has_its_own_folder(inside, exported):
    assert exported.keys() == set(CELLS)
    for (dataset, variant, bits), one in exported.items():
        assert one["folder"] == inside.root / f"exported/{dataset}/p/b/{variant}/{bits}bits-seed0"
        names = NAMES - ({"query_labels.npy", "database_labels.npy"} if dataset == "bare" else set())
        assert set(os.listdir(one["folder"])) == {
            *names, "export.json", "index_binary_flat.faiss", "ann-benchmarks.hdf5"
        }  # fmt: skip


@pytest.mark.parametrize("of", CELLS)
def test_numpy_reads_codes_and_ids(inside, exported, of):
    folder, cell = exported[of]["folder"], cell_of(*of)
    for role in ("query", "database"):
        ids, packed = (np.load(folder / f"{role}_{what}.npy", mmap_mode="r") for what in ("ids", "codes"))
        assert ids.dtype == np.int64
        assert np.array_equal(ids, read_split(f"resources/{of[0]}/splits/p.parquet").ids(role))
        assert packed.dtype == np.uint8
        assert np.array_equal(packed, np.packbits(bits_of(cell, role), axis=1, bitorder="little"))


def test_labels_are_classes_or_multi_hot(inside, exported):
    for dataset in ("single", "multi"):
        one = exported[dataset, "lsh", 12]
        for role in ("query", "database"):
            split = read_split(f"resources/{dataset}/splits/p.parquet")
            expected = split.label_lists(split.ids(role))
            labels = np.load(one["folder"] / f"{role}_labels.npy")
            if dataset == "single":
                assert labels.dtype == np.int64
                assert [[label] for label in labels.tolist()] == expected
                assert "label_columns" not in one
            else:
                assert labels.dtype == bool
                columns = np.array(one["label_columns"])
                assert [columns[row].tolist() for row in labels] == expected
                assert columns.tolist() == [0, 2, 3, 4, 5]


@pytest.mark.parametrize("of", CELLS)
def test_faiss_finds_the_run_s_distances(inside, exported, of):
    folder = exported[of]["folder"]
    index = faiss.read_index_binary(str(folder / "index_binary_flat.faiss"))
    assert type(index) is faiss.IndexBinaryFlat
    assert (index.d, index.ntotal) == (16, ITEMS)
    distances, rows = index.search(np.load(folder / "query_codes.npy"), ITEMS)
    expected = brute_force(cell_of(*of))
    assert np.array_equal(distances, np.sort(expected, axis=1))
    assert np.array_equal(np.take_along_axis(expected, rows, axis=1), distances)


@pytest.mark.parametrize("of", CELLS)
def test_the_hdf5_file_has_the_layout_of_ann_benchmarks(inside, exported, of):
    cell = cell_of(*of)
    expected = brute_force(cell)
    with h5py.File(exported[of]["folder"] / "ann-benchmarks.hdf5") as file:
        assert dict(file.attrs) == {"type": "dense", "distance": "hamming", "dimension": of[2], "point_type": "bit"}
        assert set(file) == {"train", "test", "neighbors", "distances"}
        for name, role in (("train", "database"), ("test", "query")):
            assert file[name].dtype == bool
            assert np.array_equal(file[name], bits_of(cell, role))
        # as numpy's int and float are written there, in one piece
        assert (file["neighbors"].dtype, file["distances"].dtype) == (np.int64, np.float64)
        assert file["train"].chunks is None
        assert np.array_equal(file["neighbors"], np.argsort(expected, axis=1, kind="stable")[:, :100])
        shares = [[np.mean(query ^ file["train"][row]) for row in some] for query, some in zip(
            file["test"][:2], file["neighbors"][:2], strict=True
        )]  # fmt: skip
        assert np.array_equal(file["distances"][:2], shares)
        assert np.array_equal(file["distances"], np.sort(expected, axis=1)[:, :100] / of[2])


def test_the_description_names_the_cell(exported):
    one = exported["multi", "lsh", 12]
    told = json.loads((one["folder"] / "export.json").read_text())
    assert told == {name: value for name, value in one.items() if name != "folder"}
    assert told | {"run": "tiny", "dataset": "multi", "variant": "lsh", "weights": "w", "bits": 12, "seed": 0} == told
    assert (told["query"], told["database"], told["l2h_version"]) == (QUERIES, ITEMS, l2h.__version__)
    assert told["split_sha256"] == Run(one["folder"].parents[5] / RUN).facts["splits"]["multi/p"]["sha256"]


def test_options_choose_cells_and_formats(inside, tmp_path, capsys):
    words = (RUN, "-o", tmp_path, "--dataset", "single", "--bits", 12, "--format", "npy", "--format", "faiss")
    code, out, err = said(capsys, *words)
    folder = tmp_path / "single/p/b/lsh/12bits-seed0"
    assert (code, err) == (0, "")
    assert out == f"{folder}: 130 database and 7 query codes, 12 bits, padded with zeros to 16 for faiss\n"
    assert set(os.listdir(folder)) == {*NAMES, "export.json", "index_binary_flat.faiss"}
    code, out, _ = said(capsys, RUN, "-o", tmp_path, "--method", "itq", "--format", "hdf5", "--json")
    assert code == 0
    (one,) = json.loads(out)
    assert one["folder"] == str(tmp_path / "single/p/b/itq/16bits-seed0")
    assert set(os.listdir(one["folder"])) == {"export.json", "ann-benchmarks.hdf5"}
    assert "has no codes of method 'pq'; choose one of itq, lsh" in said(capsys, RUN, "--method", "pq")[2]


def test_the_command_offers_all_formats():
    assert tuple(FORMATS) == command.FORMATS


def test_an_export_is_replaced_only_on_demand(inside, capsys):
    words = (RUN, "--method", "itq")
    folder = f"{RUN}/export/single/p/b/itq/16bits-seed0"
    assert said(capsys, *words)[:2] == (0, f"{folder}: 130 database and 7 query codes, 16 bits\n")
    first = {name: (inside.root / folder / name).read_bytes() for name in os.listdir(folder)}
    cells = Run(inside.folder).coded
    assert len(cells) == len(CELLS)  # the export is none of the run's cells
    line = f"l2h: error: {folder} exists; replace it with --overwrite, or choose another folder with --output\n"
    assert said(capsys, RUN) == (1, "", line)
    assert os.listdir(f"{RUN}/export/single/p/b") == ["itq"]  # nothing else was begun
    (inside.root / folder / "query_ids.npy").unlink()
    assert said(capsys, *words, "--overwrite")[0] == 0
    assert {name: (inside.root / folder / name).read_bytes() for name in os.listdir(folder)} == first


def test_other_folders_are_never_replaced(inside, capsys):
    own = f"{RUN}/single/p/b/itq/16bits-seed0"
    code, _, err = said(capsys, RUN, "-o", RUN, "--overwrite")
    assert (code, err.count("\n")) == (1, 1)
    assert "exists and is not an export; choose another folder with --output" in err
    assert os.listdir(own) == ["codes.parquet"]


@pytest.mark.usefixtures("bare")
def test_a_missing_package_is_named_before_writing(inside, tmp_path, capsys):
    line = "the packages faiss and h5py are not installed; run: pip install 'l2h[embeddings,pipeline]'"
    assert said(capsys, RUN, "-o", tmp_path) == (1, "", f"l2h: error: {line}\n")
    assert os.listdir(tmp_path) == []
    assert said(capsys, RUN, "-o", tmp_path, "--method", "itq", "--format", "npy")[0] == 0


def test_missing_or_changed_codes_are_named_with_the_fix(inside, tmp_path):
    cells = matching(inside, {"variant": "itq"})
    with pytest.raises(L2HError, match="codes.parquet does not exist; create it with: snakemake results/tiny/single/"):
        list(export(inside, [{**cells[0], "seed": 1}], tmp_path))
    path = inside.home("single") / "splits/p.parquet"
    whole, split = path.read_bytes(), read_split(path)
    try:
        write_split(path, Split(split.table, "p", 1))
        with pytest.raises(L2HError, match="the split p has changed since .*tiny was created; run it again"):
            list(export(inside, cells, tmp_path))
    finally:
        path.write_bytes(whole)
    assert os.listdir(tmp_path) == []


def test_the_docs_example_reads_an_export(exported):
    (block,) = re.findall(r"^```python\n(.*?)^```", (ROOT / "docs/how-to/export.md").read_text(), re.M | re.S)
    block = re.sub(r'^folder = ".*"$', f"folder = {str(exported['single', 'itq', 16]['folder'])!r}", block, flags=re.M)
    names = {}
    exec(block, names)  # noqa: S102  (a page of the documentation)
    assert names["nearest_labels"].shape == names["exact"].shape == (QUERIES, 10)
