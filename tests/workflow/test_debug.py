"""Scripts run alone on the files of a finished run."""

import os
import subprocess
import sys

import pytest

from l2h.store.models import read_description
from l2h.store.results import iter_metrics
from workspace import BACKBONE

SETTING = f"results/tiny/digits/digits-300/{BACKBONE}"


def debug(workspace, *words):
    command = [sys.executable, "-m", "l2h.debug", *words]
    return subprocess.run(command, cwd=workspace.folder, check=False, capture_output=True, text=True)


def test_a_script_alone_gives_the_job_s_result(finished, tmp_path):
    path = finished.folder / SETTING / "metrics.parquet"
    before = os.stat(path)
    done = debug(finished, f"{SETTING}/metrics.parquet", "--output", tmp_path)
    assert done.returncode == 0, done.stderr
    assert f"evaluate.py of the rule evaluate; it writes below {tmp_path}\n" in done.stderr
    own, again = (list(iter_metrics(one)) for one in (path, tmp_path / SETTING / "metrics.parquet"))
    assert [key for key, _ in own] == [key for key, _ in again]
    assert all(one.equals(other) for (_, one), (_, other) in zip(own, again, strict=True))
    assert os.stat(path) == before


def test_a_plug_in_s_method_is_trained_with_its_parameters(finished, tmp_path):
    done = debug(finished, f"{SETTING}/toy/8bits-seed0/model", "--output", tmp_path, "--config", "tiny.yaml")
    assert done.returncode == 0, done.stderr
    assert read_description(tmp_path / SETTING / "toy/8bits-seed0/model")["method"] == "toy"


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["results/tiny/none.csv"], "no job of tiny.yaml writes results/tiny/none.csv; name a file that a job writes"),
        (["resources/digits/manifest.parquet"], "does not belong to one run; give the config with --config"),
        (["results/other/comparison.csv"], "there is no run results/other"),
    ],
)
def test_a_job_that_cannot_run_alone_is_one_line(finished, words, line):
    done = debug(finished, *words)
    assert done.returncode == 1
    assert line in done.stderr
    assert done.stderr.count("\n") == 1
