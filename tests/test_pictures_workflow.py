"""The whole DAG on a folder of picture files in NUS-WIDE's shape, beside a data set that cannot be had."""

import json
import re
import shutil
import subprocess
import sys
from collections import Counter

import numpy as np
import pandas as pd
import pytest

from l2h import store
from test_workflow import TABLE
from workspace import ROOT, Workspace

FOLDER = "resources/pictures/mosaics"
LISTS = {"query": f"{FOLDER}/test.txt", "train": f"{FOLDER}/train.txt", "database": f"{FOLDER}/database.txt"}
CONFIG = {
    "datasets": [
        "nuswide_81_m",
        {"name": "mosaics", "reader": "image_list", "params": {"root": FOLDER, **LISTS}},
    ],
    "backbones": [{"name": "alexnet", "layer": "pool5", "weights": "untrained", "input_size": 64}],
    "methods": ["itq", {"method": "dsh", "params": {"epochs": 1, "lr": 1.0e-3, "validation": 0}}],
    "bits": [8],
    "device": "cpu",
    "threads": {"features": 2, "fit": 1},
}
MADE = "resources/mosaics"


@pytest.fixture(scope="module")
def finished(tmp_path_factory, shared_data) -> Workspace:
    """A run to the end."""
    workspace = Workspace(tmp_path_factory.mktemp("pictures") / "work")
    sizes = ["--queries", "20", "--trained", "40", "--database", "100"]
    command = [sys.executable, ROOT / "benchmarks/mosaics.py", shared_data / "cifar10_jpeg.parquet", FOLDER, *sizes]
    subprocess.run(command, cwd=workspace.folder, check=True)
    workspace.configure(CONFIG)
    workspace.output = workspace.snakemake("--cores", "2").stdout
    return workspace


def test_lists_become_roles_and_pictures_stay_where_they_are(finished):
    split = store.read_split(finished.folder / MADE / "splits/lists.parquet")
    assert [len(split.ids(role)) for role in ("query", "train", "database")] == [20, 40, 100]
    assert split.labels(split.ids("query")).shape[1] > 64
    root = finished.folder / MADE / "images/root"
    assert root.is_symlink()
    assert root.resolve() == finished.folder / FOLDER
    near = finished.folder / MADE / "splits/lists.near_copies.parquet"
    assert len(store.read_rows(near, store.NEAR_COPIES)) == 0


def test_heads_see_mirrored_images_where_the_data_set_allows_it(finished):
    split = store.read_split(finished.folder / MADE / "splits/lists.parquet")
    plain, mirrored = sorted((finished.folder / MADE / "features").glob("*.parquet"), key=lambda path: len(path.name))
    assert mirrored.stem == f"{plain.stem}-mirrored-lists"
    ids, _ = zip(*store.iter_features(mirrored), strict=True)
    assert np.array_equal(np.concatenate(ids), split.ids("train"))
    both = [store.read_features(path, split.ids("train")) for path in (plain, mirrored)]
    assert both[0].shape == both[1].shape
    assert not np.allclose(*both)
    models = finished.folder.glob("results/tiny/mosaics/lists/*/*/8bits-seed0/model/model.json")
    flipped = {path.parts[-4]: json.loads(path.read_text())["data"]["flipped"] for path in models}
    assert flipped == {"dsh": True, "itq": False}


def test_what_cannot_be_had_stands_everywhere_as_not_run(finished):
    cure = "get nus_wide.tar.gz"
    table = pd.read_parquet(finished.folder / "results/tiny/comparison.parquet")
    assert table[["dataset", "protocol", "seeds"]].to_numpy().tolist() == [
        ["mosaics", "lists", 1],
        ["mosaics", "lists", 1],
        ["nuswide_81_m", "nuswide-81-m", 0],
    ]
    assert re.search(rf"^not run: nuswide_81_m \(nuswide-81-m\): {cure}", finished.output, re.MULTILINE)
    for name in ("comparison.csv", "comparison.md", "table.md", "report.html"):
        assert cure in (finished.folder / "results/tiny" / name).read_text()


def test_a_run_of_nothing_but_what_cannot_be_had_stops_with_the_cure(finished):
    finished.configure({**CONFIG, "datasets": ["nuswide_81_m"]}, "nothing")
    done = finished.snakemake("--cores", "1", config="nothing", check=False)
    assert done.returncode != 0
    assert "nuswide_81_m cannot be run: get nus_wide.tar.gz" in done.stderr
    assert "Traceback" not in done.stderr


def test_no_job_imports_what_its_rule_does_not_declare(finished):
    jobs = {job["rule"]: job for job in finished.jobs()}
    assert {"dataset", "split", "check_split", "features", "fit"} <= set(jobs)
    for job in jobs.values():
        assert set(job["imported"]) <= set(job["declared"]), job["rule"]


@pytest.fixture
def changed(finished, tmp_path):
    """A function that changes a list, for a while."""
    copies = {path: path.read_text() for path in (finished.folder / FOLDER).glob("*.txt")}

    def change(name: str, old: str, new: str) -> None:
        path = finished.folder / FOLDER / name
        path.write_text(path.read_text().replace(old, new))

    yield change
    for path, text in copies.items():
        path.write_text(text)


def test_a_changed_list_makes_the_data_set_again(finished, changed):
    changed("database.txt", "images/00119.jpg", "images/00119.jpg ")
    plan = finished.planned()
    lines = ("mosaics: images and manifest", "mosaics: split lists", "mosaics: check lists for leaks")
    assert Counter({(line, None): 1 for line in lines}) + TABLE <= plan
    assert ("fit", "itq") in plan
    assert not any("weights" in line for line, _ in plan)


def test_a_planted_copy_stops_the_run_before_training_with_ids_and_paths(finished, changed):
    """The last test, as it leaves the run undone."""
    folder = finished.folder / FOLDER
    shutil.copy(folder / "images/00003.jpg", folder / "images/planted.jpg")
    changed("database.txt", "images/00119.jpg", "images/planted.jpg")
    before = set(finished.record.iterdir())
    done = finished.snakemake("--cores", "1", check=False)
    assert done.returncode != 0
    copy = r"id 119 \(root/images/planted.jpg\) = query 3 \(root/images/00003.jpg\)"
    words = f"error: split lists: database holds byte-identical copies of queries, {copy}"
    assert re.search(f"^{words}$", done.stderr, re.MULTILINE)
    later = {json.loads(path.read_text())["rule"] for path in set(finished.record.iterdir()) - before}
    assert (
        {"dataset", "split", "check_split"}
        <= later
        <= {"dataset", "split", "check_split", "features", "mirrored_features"}
    )
