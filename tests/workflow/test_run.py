"""A whole run on real images: a method of each kind and one from a plug-in, two datasets and one that is missing."""

import json
import re
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from l2h import hashing
from l2h.runs import Run
from l2h.store.cells import CELL_KEY
from l2h.store.features import iter_features, read_features, write_features
from l2h.store.manifests import read_manifest
from l2h.store.models import read_model
from l2h.store.results import COSTS, read_rows
from l2h.store.splits import read_split
from l2h.store.tables import read_metadata
from workspace import BACKBONE, ROOT, VARIANTS, run_script

RESULTS = "results/tiny"
SETTING = f"{RESULTS}/digits/digits-300/{BACKBONE}"
JOBS = {
    "weights": 1,
    **dict.fromkeys(("dataset", "split", "check_split", "features", "mirrored_features"), 2),
    "train": 10,
    "train_scorer": 4,
    **dict.fromkeys(("finetune", "encode_images", "external_codes"), 2),
    "rank": 14,
    "rank_by_scores": 4,
    "evaluate": 4,
    **dict.fromkeys(("audit", "costs", "gallery"), 2),
    "compare": 1,
    "report": 1,
}


@pytest.fixture(scope="module")
def table(finished) -> pd.DataFrame:
    return pd.read_parquet(finished.folder / RESULTS / "comparison.parquet")


def test_each_job_ran_once(finished):
    assert Counter(job["rule"] for job in finished.jobs()) == JOBS


def test_the_table_has_all_columns_and_a_row_per_cell(finished, table):
    key = ["dataset", "protocol", "backbone", "weights", "variant", "method", "scope", "bits", "seeds"]
    figures = ["map", "map_std", "map_worst", "map_best", "map_unseen", "map_at_1000", "map_at_5000"]
    assert {*key, *figures} <= set(table.columns)
    ran = table[table["seeds"] > 0]
    assert list(zip(ran["dataset"], ran["variant"], strict=True)) == [
        (dataset, variant)
        for dataset in ("digits", "digit_pairs")
        for variant in VARIANTS
        if (dataset, variant) != ("digit_pairs", "wide")
    ]
    assert (ran["map_worst"] <= ran["map"]).all()
    assert (ran["map"] <= ran["map_best"]).all()
    assert ran["weights"].str.fullmatch(r"untrained-0@[0-9a-f]{12}|external").all()
    csv = pd.read_csv(finished.folder / RESULTS / "comparison.csv")
    assert csv["map"].to_numpy() == pytest.approx(table["map"].to_numpy(), abs=1e-6, nan_ok=True)
    assert "hashnet" in (finished.folder / RESULTS / "comparison.md").read_text()


def test_methods_and_baselines_have_expected_scores(table):
    digits = table[table["dataset"] == "digits"].set_index("variant")
    assert digits[["scope", "bits"]].T.to_dict("list") == {
        "hashnet": ["auto", 8],
        "itq": ["shallow", 8],
        "toy": ["shallow", 8],
        "dsh-full": ["full", 8],
        "cosine": ["exact", 9216 * 32],
        "pq": ["baseline", 8],
        "classifier": ["baseline", 8],
        "wide": ["shallow", 8],
        "external": ["external", 8],
    }
    assert digits["backbone"].to_dict() == {**dict.fromkeys(VARIANTS, BACKBONE), "external": "external"}
    score = digits["map"]
    assert score["hashnet"] > 0.3  # chance is 0.1
    assert score["external"] > 0.7  # its code is the label's number
    assert score["dsh-full"] > 0.2  # after one epoch
    exact = digits.loc["cosine"]
    assert exact["map"] == exact["map_worst"] == exact["map_best"] > 0.3
    assert digits["map_worst"]["pq"] < score["pq"] < digits["map_best"]["pq"]
    of_codes = ["precision_in_radius", "empty_in_radius", "tied_pairs", "distinct_codes", "near_constant_bits"]
    beyond = [name for name in digits if name.endswith(("_2500", "_5000"))]  # the database has 1,497 images
    assert digits[beyond].isna().all(axis=None)
    bounds = ["map_low", "map_high"]
    assert digits["interval"].to_dict() == {
        **dict.fromkeys(VARIANTS, "queries, for this training"),
        "cosine": "queries",
        "external": "none: all 300 queries have the same value",  # all are 1
    }
    assert (digits[bounds].notna().all(axis=1) == (digits.index != "external")).all()
    some = ["map_std", "not_run", "nothing_chosen", *bounds, *beyond, *of_codes]
    assert digits.drop(columns=some).notna().all(axis=None)
    assert digits["nothing_chosen"].dropna().to_dict() == {"hashnet": 0, "dsh-full": 0}
    assert (digits[of_codes].notna().all(axis=1) == ~digits.index.isin(["cosine", "pq"])).all()


def test_unavailable_datasets_are_listed_as_not_run(finished, table):
    cure = "download nus_wide.tar.gz"
    assert table.iloc[-1][["dataset", "protocol", "seeds"]].tolist() == ["nuswide_81_m", "nuswide-81-m", 0]
    assert re.search(rf"^not run: nuswide_81_m \(nuswide-81-m\): {cure}", finished.output, re.MULTILINE)
    for name in ("comparison.csv", "comparison.md", "table.md", "report.html"):
        assert cure in (finished.folder / RESULTS / name).read_text()


def test_a_method_that_cannot_be_trained_is_listed_as_not_run(finished, table):
    why = "pca_dims=400 needs as many features and samples, got n_features=9216 and n_samples=300"
    row = table.iloc[-2]
    assert row[["dataset", "variant", "bits", "seeds"]].tolist() == ["digit_pairs", "wide", 8, 0]
    assert why in row["not_run"]
    line = rf"^not run: digit_pairs \(digit-pairs-200, {BACKBONE}\): wide at 8 bits: .*{why}"
    assert re.search(line, finished.output, re.MULTILINE)
    log = f"logs/digit_pairs/digit-pairs-200/{BACKBONE}/wide/8bits-seed0/train.log"
    for name in ("comparison.csv", "comparison.md", "table.md", "report.html", log):
        assert why in (finished.folder / RESULTS / name).read_text()
    cells = Run(finished.folder / RESULTS).cells
    assert [cell["dataset"] for cell in cells if cell["variant"] == "wide"] == ["digits"]


def test_the_summary_is_a_table_per_dataset(finished, table):
    head = rf"^digits \(digits-300, {BACKBONE}, untrained network: random features\): mAP over the whole database, one"
    assert re.search(head, finished.output, re.MULTILINE)
    score = table.set_index(["dataset", "variant"])["map"]["digits", "hashnet"]
    assert re.search(rf"^  hashnet +{score:.3f}$", finished.output, re.MULTILINE)
    assert f"report:     {RESULTS}/report.html" in finished.output


def test_models_are_json_and_safetensors(finished):
    cell = finished.folder / SETTING / "hashnet/8bits-seed0"
    assert sorted(path.name for path in (cell / "model").glob("[!.]*")) == ["model.json", "model.safetensors"]
    description, _ = read_model(cell / "model")
    split = read_split(finished.folder / "resources/digits/splits/digits-300.parquet")
    assert description["data"]["split_sha256"] == split.sha256
    assert len(description["data"]["features"]["weights_sha256"]) == 64
    assert description["data"]["flipped"] is True
    assert description["params"]["epochs"] == 2
    assert {len(curve["scores"]) for curve in description["selection"]["curves"]} == {2}
    assert hashing.load(cell / "model").bits == 8


def test_scope_full_leaves_a_model_and_no_checkpoint(finished):
    cell = finished.folder / SETTING / "dsh-full/8bits-seed0"
    assert {path.name for path in (cell / "model").glob("[!.]*")} == {"model.json", "model.safetensors"}
    assert not (cell / "checkpoint.safetensors").exists()
    description, _ = read_model(cell / "model")
    assert len(description["selection"]["scores"]) == 1
    costs = read_rows(finished.folder / SETTING / "costs.parquet", COSTS).to_pandas()
    made = costs[costs["quantity"].isin(["encode_best", "hash_best"])].set_index("variant")["quantity"]
    assert made.to_dict() == {
        **dict.fromkeys(("hashnet", "itq", "toy", "classifier", "wide"), "hash_best"),
        "dsh-full": "encode_best",
    }


def test_mirrored_features_are_of_the_training_images(finished):
    data = finished.folder / "resources/digits"
    plain, mirrored = sorted((data / "features").glob("*.parquet"), key=lambda path: len(path.name))
    assert mirrored.stem == f"{plain.stem}-mirrored-digits-300"
    ids = read_split(data / "splits/digits-300.parquet").ids("train")
    assert np.array_equal(np.concatenate([part for part, _ in iter_features(mirrored)]), ids)
    one, other = (read_features(path, ids) for path in (plain, mirrored))
    assert one.shape == other.shape
    assert not np.allclose(one, other)


def test_every_job_writes_a_log_and_a_benchmark(finished):
    for folder in ("logs", "benchmarks"):
        for rule, count in {
            "train": JOBS["train"] + JOBS["train_scorer"],
            "rank": JOBS["rank"],
            "evaluate": JOBS["evaluate"],
        }.items():
            assert len(list((finished.folder / RESULTS / folder / "digits").rglob(f"{rule}.*"))) == count / 2
    log = next((finished.folder / "resources/digits/logs").glob("features-*.log")).read_text()
    assert re.search(r"1797 of 1797 images, [\d.]+ images/s", log)


def test_run_json_has_the_times_of_the_run_s_own_jobs(finished):
    facts = json.loads((finished.folder / RESULTS / "run.json").read_text())
    assert {row["rule"]: row["jobs"] for row in facts["times"]} == {
        rule: count for rule, count in JOBS.items() if rule != "report"
    }


def test_snakemake_s_own_report_shows_each_result_with_its_caption(finished, tmp_path):
    finished.snakemake("--report", tmp_path / "snakemake.zip")
    with zipfile.ZipFile(tmp_path / "snakemake.zip") as file:
        names = Counter(Path(name).name for name in file.namelist() if "/data/" in name)
        page = file.read("snakemake/report.html").decode()
    charts = [path.name for path in (finished.folder / RESULTS / "plots").glob("*.png")]
    assert names == Counter(["comparison.csv", "differences.csv", "table.md", "report.html", *charts])
    captions = [path.read_text().splitlines()[0] for path in (ROOT / "workflow/report").glob("*.rst")]
    assert len(captions) == 6
    assert all(caption in page for caption in captions)
    assert ", ".join(VARIANTS) in page


def test_every_job_asks_a_cluster_for_memory_time_and_gpus(finished):
    for job in finished.jobs():
        assert {"mem_mb", "runtime", "gpu"} <= set(job["resources"]), job["rule"]
        assert len(job["log"]) == 1, job["rule"]


def test_rules_depend_on_the_modules_that_their_jobs_import(finished):
    checked = {"l2h.hashing.plugin_checks"}  # refuses a plug-in's class or lets it pass, and changes no result
    for job in finished.jobs():
        assert set(job["imported"]) - checked <= set(job["declared"]), job["rule"]


def test_only_jobs_that_use_a_plug_in_load_it(finished):
    loaded = Counter(job["rule"] for job in finished.jobs() if "l2h_plugin_toy_method" in job["imported"])
    assert loaded == {"train": 2, "audit": 2, "costs": 2, "report": 1}  # which shows what the method does


def test_numeric_threads_follow_the_config(finished):
    for job in finished.jobs():
        several = {"features", "mirrored_features", "finetune", "encode_images"}
        assert set(job["threads"]) <= {2 if job["rule"] in several else 1}, job["rule"]


def parameters(description: dict) -> dict:
    """The input of a training, from its model's description."""
    key = {name: description["data"][name] for name in CELL_KEY if name != "weights"}
    arguments = {name: value for name, value in description["params"].items() if name not in ("bits", "random_state")}
    return {"key": key, "arguments": arguments}


def test_training_uses_only_training_images(finished, tmp_path):
    """Other features of all other images give the same model, bit by bit."""
    data = finished.folder / "resources/digits"
    split = read_split(data / "splits/digits-300.parquet")
    features = min((data / "features").glob("*.parquet"), key=lambda path: len(path.name))
    description, arrays = read_model(finished.folder / SETTING / "classifier/8bits-seed0/model")

    def batches():
        for ids, values in iter_features(features):
            yield ids, np.where(np.isin(ids, split.ids("train"))[:, None], values, 9.0)

    write_features(tmp_path / "features.parquet", batches(), "float32", read_metadata(features))
    run_script(
        tmp_path,
        "train",
        params={**parameters(description), "numeric_threads": 1},
        input={"split": data / "splits/digits-300.parquet", "features": "features.parquet", "mirrored": []},
        output={"model": "model", "codes": "codes.parquet", "training": "training.parquet"},
    )
    _, again = read_model(tmp_path / "model")
    assert all(np.array_equal(array, arrays[name]) for name, array in again.items())


def test_scope_full_uses_only_training_images(finished, tmp_path):
    """Other pixels of all other images give the same network, bit by bit."""
    data = finished.folder / "resources/digits"
    description, arrays = read_model(finished.folder / SETTING / "dsh-full/8bits-seed0/model")
    ids = read_split(data / "splits/digits-300.parquet").ids("train")
    images = np.load(data / "images/images.npy")
    assert read_manifest(data / "manifest.parquet")["id"].to_pylist() == list(range(len(images)))
    other = np.full_like(images, 77)
    other[ids] = images[ids]
    (tmp_path / "images").mkdir()
    np.save(tmp_path / "images/images.npy", other)
    entry = {name: value for name, value in description["backbone"].items() if name != "weights_sha256"}
    how = {"entry": entry, "flip": False, "checkpoint": "checkpoint", "numeric_threads": 2}
    run_script(
        tmp_path,
        "finetune",
        params={**parameters(description), **how},
        input={
            "images": "images",
            "manifest": data / "manifest.parquet",
            "split": data / "splits/digits-300.parquet",
            "weights": finished.folder / "resources/weights/alexnet-untrained-0.safetensors",
        },
        output={"model": "model", "training": "training.parquet"},
    )
    _, again = read_model(tmp_path / "model")
    assert all(np.array_equal(array, arrays[name]) for name, array in again.items())
