"""`l2h bench` from a .npy file to table and report, without labels: relevance is by nearest neighbours."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from l2h.exact_search import nearest_neighbours
from l2h.runs import description
from l2h.store.splits import read_split
from workspace import ROOT


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The folder of a finished run, and what it printed."""
    folder = tmp_path_factory.mktemp("bench")
    np.save(folder / "vectors.npy", np.random.default_rng(0).normal(size=(800, 12)).astype(np.float32))
    words = ["vectors.npy", "--neighbours", "10", "--methods", "itq", "pq", "cosine", "--bits", "8"]
    command = [sys.executable, "-m", "l2h", "bench", *words, "--output", "made", "--cores", "2"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder / "made", done


def test_the_neighbours_of_the_split_match_exact_search(run):
    split = read_split(run[0] / "resources/vectors/splits/bench.parquet")
    vectors = np.load(run[0].parent / "vectors.npy")
    queries, database = split.ids("query"), split.ids("database")
    assert (split.neighbours, len(queries), len(database)) == (10, 80, 720)
    near = nearest_neighbours("cosine", vectors[queries], [(np.arange(800), vectors)], database, 10)
    rows = split.neighbour_rows(queries, database)
    assert [database[some].tolist() for some in rows] == np.sort(near, axis=1).tolist()


def test_the_table_has_recall_against_exact_search(run):
    table = pd.read_csv(run[0] / "results/bench/comparison.csv").set_index("variant")
    assert list(table.index) == ["itq", "pq", "cosine"]
    assert table.loc["cosine", ["map", "recall_at_100"]].tolist() == [1, 1]
    assert table["recall_at_100"].between(100 / 720, 1).all()  # better than chance
    assert (table["backbone"] == "embeddings").all()
    printed = run[1].stdout
    assert "vectors (bench, embeddings): mAP over the whole database, one training" in printed
    assert "recall@100 of the 10 nearest neighbours" in printed
    page = (run[0] / "results/bench/report.html").read_text()
    assert "Recall of the nearest neighbours" in page
    assert description.read(run[0] / "results/bench")["splits"]["vectors/bench"]["neighbours"] == 10


def test_there_are_no_images_and_no_weights(run):
    assert {path.name for path in (run[0] / "resources").iterdir()} == {"vectors"}
    made = {path.name for path in (run[0] / "resources/vectors").iterdir()}
    assert {"images", "thumbnails.parquet"}.isdisjoint(made)


def test_codes_and_neighbours_are_exported(run):
    words = ["export", run[0] / "results/bench", "--method", "itq", "--format", "npy", "--output", run[0] / "out"]
    subprocess.run([sys.executable, "-m", "l2h", *words], cwd=ROOT, check=True, capture_output=True)
    (folder,) = {path.parent for path in Path(run[0] / "out").rglob("neighbours.npy")}
    assert np.load(folder / "neighbours.npy").shape == (80, 10)
    assert not (folder / "query_labels.npy").exists()


def test_commands_work_without_images(run):
    made = run[0] / "resources/vectors"
    Image.new("RGB", (8, 8)).save(run[0] / "x.png")
    for words, code, said in (
        (["check-split", made / "splits/bench.parquet", "--data", made], 0, "no leak in bench (80 query, "),
        (
            ["search", "--run", run[0] / "results/bench", "--method", "itq", run[0] / "x.png"],
            1,
            "vectors has embeddings",
        ),
    ):
        done = subprocess.run(
            [sys.executable, "-m", "l2h", *words], capture_output=True, text=True, check=False, cwd=run[0]
        )
        assert (done.returncode, said in done.stdout + done.stderr) == (code, True), done
