"""The config that `l2h bench` writes, and what it refuses before it writes anything."""

import os
from pathlib import Path

import numpy as np
import pytest
import yaml

from l2h.cli import bench, main


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save("clip vectors.npy", np.random.default_rng(0).normal(size=(200, 8)))
    np.save("labels.npy", np.arange(200) % 4)
    return tmp_path


def printed(capsys, *words):
    assert main(["bench", *words, "--dry-run"]) == 0
    return yaml.safe_load(capsys.readouterr().out)


def test_a_dry_run_prints_the_config_and_writes_nothing(folder, capsys):
    before = sorted(os.listdir())
    config = printed(
        capsys, "clip vectors.npy", "--labels", "labels.npy", "--methods", "itq", "dsh", "--bits", "8", "16"
    )
    assert config == {
        "datasets": [
            {
                "name": "clip_vectors",
                "reader": "embeddings",
                "params": {"embeddings": "../clip vectors.npy", "labels": "../labels.npy"},
                "protocol": {"name": "bench", "query": 20, "train": 80},
            }
        ],
        "methods": ["itq", "dsh"],
        "bits": [8, 16],
        "seeds": [0],
    }
    assert sorted(os.listdir()) == before


def test_the_config_follows_the_options_and_the_number_of_vectors(folder, capsys, monkeypatch):
    monkeypatch.setattr(bench, "QUERIES", (0.1, 7))
    config = printed(capsys, "clip vectors.npy", "--neighbours", "5", "--distance", "l2", "--trainings", "3")
    (dataset,) = config["datasets"]
    assert dataset["params"] == {"embeddings": "../clip vectors.npy", "neighbours": 5, "distance": "l2"}
    assert dataset["protocol"]["query"] == 7
    assert (config["methods"], config["bits"], config["seeds"]) == (bench.METHODS, bench.BITS, [0, 1, 2])


def test_names_of_arrays_and_a_given_split_are_kept(folder, capsys):
    np.savez("vectors.npz", x=np.ones((9, 2)), queries=np.ones((3, 2)), y=np.arange(9), z=np.arange(3))
    words = ["--array", "x", "--labels", "y", "--queries", "queries", "--query-labels", "z", "--output", "a/b"]
    (dataset,) = printed(capsys, "vectors.npz", *words)["datasets"]
    assert dataset == {
        "name": "vectors",
        "reader": "embeddings",
        "params": {
            "embeddings": "../../vectors.npz",
            "array": "x",
            "labels": "y",
            "queries": "queries",
            "query_labels": "z",
        },
    }


def test_a_file_named_like_a_registered_dataset_is_renamed(folder, capsys):
    Path("clip vectors.npy").rename("embeddings.npy")
    assert printed(capsys, "embeddings.npy")["datasets"][0]["name"] == "vectors"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nowhere.npy"], "no file at nowhere.npy"),
        (["clip vectors.npy", "--methods", "itqq"], "did you mean 'itq'?"),
        (["clip vectors.npy", "--methods", "dsh"], "dsh learns from labels, but clip_vectors has none"),
        (["clip vectors.npy", "--labels", "lables.npy"], "no file at lables.npy"),
        (["labels.npy"], "labels.npy holds int64 of shape (200,)"),
    ],
)
def test_mistakes_are_found_before_anything_is_written(folder, capsys, words, said):
    assert main(["bench", *words, "--output", "made"]) == 1
    assert said in capsys.readouterr().err
    assert not Path("made").exists()


def test_an_edited_config_is_not_overwritten(folder, capsys):
    Path("bench").mkdir()
    Path("bench/bench.yaml").write_text("datasets: [mine]\n")
    assert main(["bench", "clip vectors.npy"]) == 1
    assert "bench/bench.yaml was not written by l2h bench" in capsys.readouterr().err
    assert Path("bench/bench.yaml").read_text() == "datasets: [mine]\n"


def test_a_config_of_another_version_is_overwritten(folder, capsys, monkeypatch):
    Path("bench").mkdir()
    Path("bench/bench.yaml").write_text("# written by l2h bench, in other words\ndatasets: [mine]\n")
    monkeypatch.setattr(bench.run_command, "run", lambda arguments: 0)
    assert main(["bench", "clip vectors.npy"]) == 0
    assert Path("bench/bench.yaml").read_text().startswith(bench.HEADER)


def test_as_many_neighbours_as_items_are_refused(folder, capsys):
    assert main(["bench", "clip vectors.npy", "--neighbours", "180", "--dry-run"]) == 1
    assert "--neighbours 180: the database has only 180 items, so all would be relevant" in capsys.readouterr().err


def test_an_output_that_is_not_a_folder_is_one_line(folder, capsys):
    Path("taken").touch()
    assert main(["bench", "clip vectors.npy", "--output", "taken"]) == 1
    assert "taken/bench.yaml cannot be written (File exists); choose another folder with --output" in (
        capsys.readouterr().err
    )
