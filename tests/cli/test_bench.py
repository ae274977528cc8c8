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


def test_few_or_many_vectors_and_all_options(folder, capsys, monkeypatch):
    monkeypatch.setattr(bench, "QUERIES", (0.1, 7))
    config = printed(capsys, "clip vectors.npy", "--neighbours", "5", "--distance", "l2", "--trainings", "3")
    (dataset,) = config["datasets"]
    assert dataset["params"] == {"embeddings": "../clip vectors.npy", "neighbours": 5, "distance": "l2"}
    assert dataset["protocol"]["query"] == 7
    assert (config["methods"], config["bits"], config["seeds"]) == (bench.METHODS, bench.BITS, [0, 1, 2])


def test_names_of_arrays_stay_and_a_given_split_draws_nothing(folder, capsys):
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


def test_a_file_called_as_a_registered_dataset_has_another_name(folder, capsys):
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
def test_what_is_wrong_is_said_before_anything_is_written(folder, capsys, words, said):
    assert main(["bench", *words, "--output", "made"]) == 1
    assert said in capsys.readouterr().err
    assert not Path("made").exists()


def test_a_config_that_somebody_changed_is_not_lost(folder, capsys):
    Path("bench").mkdir()
    Path("bench/bench.yaml").write_text("datasets: [mine]\n")
    assert main(["bench", "clip vectors.npy"]) == 1
    assert "bench/bench.yaml was not written by l2h bench" in capsys.readouterr().err
    assert Path("bench/bench.yaml").read_text() == "datasets: [mine]\n"


def test_a_config_that_another_version_wrote_is_written_again(folder, capsys, monkeypatch):
    Path("bench").mkdir()
    Path("bench/bench.yaml").write_text("# written by l2h bench, in other words\ndatasets: [mine]\n")
    monkeypatch.setattr(bench.run_command, "run", lambda arguments: 0)
    assert main(["bench", "clip vectors.npy"]) == 0
    assert Path("bench/bench.yaml").read_text().startswith(bench.HEADER)


def test_neighbours_that_are_all_of_the_database_are_refused(folder, capsys):
    assert main(["bench", "clip vectors.npy", "--neighbours", "180", "--dry-run"]) == 1
    assert "--neighbours 180: the database has only 180 items, so all would be relevant" in capsys.readouterr().err


def test_an_output_that_cannot_be_a_folder_is_one_line(folder, capsys):
    Path("taken").touch()
    assert main(["bench", "clip vectors.npy", "--output", "taken"]) == 1
    assert "taken/bench.yaml cannot be written (File exists); choose another folder with --output" in (
        capsys.readouterr().err
    )
