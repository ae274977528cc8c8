"""What a config will run: cells, the input of each job, the code that it depends on; all without Snakemake."""

import copy
from pathlib import Path

import numpy as np
import pytest

from l2h import paths, plugins
from l2h.config import EXTERNAL, ConfigError, resolve
from l2h.errors import L2HError
from l2h.hashing.base import Hasher
from l2h.hashing.deep import DeepHasher
from l2h.hashing.scorer import Scorer
from l2h.plan import release
from l2h.plan.plan import CellKey, Plan
from workspace import BACKBONE, CONFIG, FULL, HASHNET, ROOT, SUPPORT, VARIANTS

DIGITS = {"dataset": "digits", "protocol": "digits-300", "backbone": BACKBONE}
SCRIPTS = ROOT / "workflow/scripts"


def plan_of(**change):
    config = copy.deepcopy({**CONFIG, "plugins": [], **change})
    config["methods"] = [entry for entry in config["methods"] if entry != "toy"]
    resolve(config)
    return Plan(config, "tiny")


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    """The plan of the tests' own run, at two code lengths and seeds; external codes have one file for all seeds."""
    folder = tmp_path_factory.mktemp("plan")
    (folder / "codes").mkdir()
    for name in ("digits-8", "digit_pairs-8"):
        np.save(folder / f"codes/{name}.npy", np.zeros((1, 8)))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        made = plan_of(bits=[16, 8], seeds=[1, 0])
        assert made.cells
    return made


def test_cells_are_every_combination_in_the_order_of_the_config(plan):
    assert plan.cells[:4] == [CellKey(*DIGITS.values(), "hashnet", bits, seed) for bits in (16, 8) for seed in (1, 0)]
    assert [cell[3:] for cell in plan.cells_of({**DIGITS, "variant": "cosine"})] == [("cosine", 0, 1)]
    assert plan.cells_of({**DIGITS, "backbone": EXTERNAL}) == [
        CellKey("digits", "digits-300", EXTERNAL, "external", 8, 1)
    ]
    assert plan.cells_of({**DIGITS, "variant": "itq", "bits": "8", "seed": "0"}) == [
        CellKey(*DIGITS.values(), "itq", 8, 0)
    ]
    assert {cell.dataset for cell in plan.cells} == {"digits", "digit_pairs"}
    assert [entry["dataset"] for entry in plan.not_run] == ["nuswide_81_m"]


def test_the_order_of_cells_in_a_job_ignores_the_config_s_order(plan):
    """So another order of methods in the config reruns nothing."""
    config = copy.deepcopy(plan.config)
    other = Plan({**config, "methods": config["methods"][::-1], "bits": config["bits"][::-1]}, "tiny")
    assert plan.cells_of_kind(DIGITS, Hasher) == other.cells_of_kind(DIGITS, Hasher)
    assert plan.measured(DIGITS) == other.measured(DIGITS)
    assert plan.rankings(DIGITS, "unseen") == other.rankings(DIGITS, "unseen")
    assert plan.order != other.order


def test_costs_and_audit_use_the_first_seed(plan):
    measured = [(cell.variant, cell.bits, cell.seed) for cell in plan.measured(DIGITS)]
    hashed = ["classifier", "dsh-full", "hashnet", "itq", "wide"]
    assert measured == [(variant, bits, 1) for variant in hashed for bits in (8, 16)]
    assert {cell.variant for cell in plan.measured(DIGITS, full=False)} == {*hashed} - {"dsh-full"}


def test_a_gallery_shows_the_longest_code_of_each_method_and_external_ones(plan):
    shown = [(cell.backbone, cell.variant, cell.bits, cell.seed) for cell in plan.shown(DIGITS)]
    hashed = ["classifier", "dsh-full", "hashnet", "itq", "wide"]
    expected = [(BACKBONE, name, 16, 1) for name in hashed] + [(EXTERNAL, "external", 8, 1)]
    assert shown == sorted(expected, key=lambda one: one[1])
    assert plan.galleries() == [
        {"dataset": dataset, "protocol": protocol, "backbone": BACKBONE}
        for dataset, protocol in (("digits", "digits-300"), ("digit_pairs", "digit-pairs-200"))
    ]


def test_each_kind_of_method_has_its_own_rankings(plan):
    assert plan.kind(Scorer) == ["cosine", "pq"]
    assert plan.kind(DeepHasher) == ["hashnet", "dsh-full"]
    assert plan.kind(full=True) == ["dsh-full"]
    folder = f"results/tiny/digits/digits-300/{BACKBONE}"
    found = plan.rankings(DIGITS, "unseen")
    assert f"{folder}/cosine/relevance_unseen.parquet" in found
    assert f"{folder}/itq/histograms_unseen.parquet" in found
    assert len(found) == len(VARIANTS) - 2  # without toy and external


def test_only_methods_that_flip_need_mirrored_features(plan):
    wildcards = {**DIGITS, "variant": "hashnet"}
    assert plan.mirrored_features(wildcards).endswith("-mirrored-digits-300.parquet")
    assert plan.mirrored_features({**wildcards, "variant": "itq"}) == ""


def test_a_run_keeps_every_file_of_its_cells_and_settings(plan):
    kept = plan.kept()
    assert len(kept) == len(set(kept))
    for cell in plan.cells:
        names = [paths.CODES] if cell.variant not in ("cosine", "pq") else []
        names += [paths.MODEL, paths.TRAINING] if cell.backbone != EXTERNAL else []
        assert {plan.in_run(cell.path(name)) for name in names} <= set(kept)
    for name in (paths.METRICS, paths.QUERIES):
        assert sum(path.endswith(name.rpartition("/")[2]) for path in kept) == 4  # two datasets, and external codes
    assert not any("/features/" in path or path.startswith("resources/weights") for path in kept)


def changed(plan, module):
    """The jobs that depend on a module: by script, dataset, and variant if any."""
    found = set()
    for cell in plan.cells:
        wildcards = {name: str(value) for name, value in cell._asdict().items()}
        if cell.backbone == EXTERNAL:
            scripts = ["external_codes"]
        else:
            scripts = ["finetune", "encode_images"] if cell.variant == "dsh-full" else ["train"]
            scripts += ["rank_by_scores"] if cell.variant in plan.kind(Scorer) else []
        for script in (*scripts, "rank", "evaluate", "dataset"):
            if module in plan.code(SCRIPTS / f"{script}.py", wildcards):
                found.add((script, cell.variant if script not in ("evaluate", "dataset") else cell.dataset))
    return found


@pytest.mark.parametrize(
    ("module", "jobs"),
    [
        ("l2h.hashing.shallow.itq", {("train", "itq")}),
        ("l2h.hashing.deep.hashnet", {("train", "hashnet")}),
        ("l2h.hashing.deep.dsh", {("finetune", "dsh-full")}),
        ("l2h.hashing.deep.finetuning", {("finetune", "dsh-full")}),
        ("l2h.metrics.tied_groups", {("evaluate", "digits"), ("evaluate", "digit_pairs")}),
        ("l2h.hashing.baselines.pq", {("train", "pq"), ("rank_by_scores", "pq")}),
        ("l2h.datasets.digit_pairs", {("dataset", "digit_pairs")}),
    ],
)
def test_a_changed_line_reruns_only_what_depends_on_it(plan, module, jobs):
    assert changed(plan, module) == jobs


def test_a_changed_plug_in_retrains_only_its_method(monkeypatch):
    monkeypatch.chdir(ROOT / "tests/support")
    config = copy.deepcopy({**CONFIG, "methods": ["itq", "toy"]})
    resolve(config)
    plugins.load(config["plugins"])
    assert changed(Plan(config, "tiny"), "l2h_plugin_toy_method") == {("train", "toy")}


@pytest.mark.usefixtures("own_plugins")
def test_a_changed_metric_of_a_plug_in_trains_nothing(plan):
    plugins.load([str(SUPPORT / "toy_metric.py")])
    assert changed(plan, "l2h_plugin_toy_metric") == {("evaluate", "digits"), ("evaluate", "digit_pairs")}
    for script in ("gallery", "compare", "report"):
        assert "l2h_plugin_toy_metric" in plan.code(SCRIPTS / f"{script}.py", {})
    assert "l2h_plugin_toy_metric" not in plan.code(SCRIPTS / "split.py", {})


@pytest.mark.usefixtures("own_plugins")
def test_a_changed_chart_of_a_plug_in_reruns_only_the_report(plan):
    plugins.load([str(SUPPORT / "toy_chart.py")])
    (cell,) = plan.cells_of({**DIGITS, "variant": "itq", "bits": "8", "seed": "0"})
    resting = [path for path in SCRIPTS.glob("*.py") if "l2h_plugin_toy_chart" in plan.code(path, cell._asdict())]
    assert resting == [SCRIPTS / "report.py"]


def test_the_report_depends_on_each_chart(plan):
    drawn = {f"l2h.charts.{path.stem}" for path in (ROOT / "src/l2h/charts").glob("[!_]*.py")}
    assert drawn <= set(plan.code(SCRIPTS / "report.py", {}))
    assert drawn.isdisjoint(plan.code(SCRIPTS / "compare.py", {}))


def test_shared_files_are_compared_by_checksum(plan, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    manifest = plan.manifest(DIGITS)
    assert plan.checksum_of(manifest, DIGITS) == f"{manifest}.sha256"
    for name in (paths.IMAGES, paths.THUMBNAILS):
        assert plan.checksum_of(plan.in_home("digits", name), DIGITS) == f"{manifest}.sha256"
    assert plan.checksum_of(plan.model(plan.cells[0]), DIGITS) is None


def test_a_replaced_file_is_compared_by_itself(plan, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = Path(plan.split({**DIGITS, "protocol": "by-hand"}))
    path.parent.mkdir(parents=True)
    Path(f"{path}.sha256").write_text("0" * 64)
    path.write_bytes(b"another split")
    assert plan.checksum_of(str(path), DIGITS) is None


def test_a_bundle_holds_what_was_trained(plan):
    held = release.contents(plan, "digits")
    assert held["manifest.parquet"] == "resources/digits/manifest.parquet"
    assert held["splits/digits-300.parquet"] == "resources/digits/splits/digits-300.parquet"
    assert held[f"models/digits-300/{BACKBONE}/itq/8bits-seed0"].endswith("/itq/8bits-seed0/model")
    described = release.description(plan, "digits")
    assert set(described["variants"]) == {*VARIANTS} - {"toy", "external"}
    assert [entry["name"] for entry in described["config"]["datasets"]] == ["digits"]


@pytest.mark.parametrize(("device", "gpus"), [("cpu", False), ("auto", True)])
def test_only_deep_methods_use_a_gpu_and_only_if_the_config_allows_it(device, gpus):
    plan = plan_of(methods=[HASHNET, FULL, "itq"], device=device)
    assert {name: plan.uses_gpu({"variant": name}) for name in plan.variants} == {
        "hashnet": gpus,
        "dsh-full": gpus,
        "itq": False,
    }


def test_patterns_match_their_paths():
    path = paths.CELL.format(**CellKey("d", "p", "b", "v", 8, 0)._asdict())
    assert paths.pattern(paths.CELL).fullmatch(path).groupdict() == {
        **dict(zip(("dataset", "protocol", "backbone", "variant"), "dpbv", strict=True)),
        "bits": "8",
        "seed": "0",
    }
    assert not paths.pattern(paths.SPLIT).fullmatch("splits/../x.parquet")


@pytest.fixture
def vectors(tmp_path, monkeypatch):
    """A folder with vectors and labels, as users have them."""
    monkeypatch.chdir(tmp_path)
    np.save("vectors.npy", np.random.default_rng(0).normal(size=(40, 8)))
    np.save("labels.npy", np.arange(40) % 4)


def embedded(name="mine", **params):
    return {"name": name, "reader": "embeddings", "params": {"embeddings": "vectors.npy", **params}}


def test_embeddings_need_neither_network_nor_images(vectors):
    plan = plan_of(datasets=[embedded(labels="labels.npy")], backbones=[], methods=[HASHNET, "itq", "cosine"])
    place = {"dataset": "mine", "protocol": "embeddings-10-40", "backbone": paths.EMBEDDINGS}
    assert plan.settings() == [place]
    assert {cell.backbone for cell in plan.cells} == {paths.EMBEDDINGS}
    assert plan.features_file(place) == "resources/mine/features/embeddings.parquet"
    assert plan.given_features(place) == plan.images(place) == plan.thumbnails(place) == plan.weights_file(place) == ""
    assert plan.measured_network(paths.EMBEDDINGS) is None
    assert not plan.sees_mirrored("mine", "hashnet")  # though its parameter flip is true
    assert plan.galleries() == []
    assert not [path for path in plan.kept() if "images" in path or "weights" in path]
    with pytest.raises(L2HError, match="mine has embeddings, which no bundle holds"):
        release.datasets_of(plan)
    rests_on = plan.code(SCRIPTS / "costs.py", place)
    assert "l2h.hashing.deep.hashnet" in rests_on
    assert "l2h.backbones.alexnet" not in rests_on
    assert "l2h.datasets.embeddings" in plan.code(SCRIPTS / "embeddings.py", place)


def test_a_config_may_have_images_and_embeddings(vectors):
    plan = plan_of(datasets=["digits", embedded()], methods=["itq", FULL, "classifier"])
    ran = {(cell.dataset, cell.backbone, cell.variant) for cell in plan.cells}
    assert ran == {
        *(("digits", BACKBONE, variant) for variant in ("itq", "dsh-full", "classifier")),
        ("mine", paths.EMBEDDINGS, "itq"),
    }
    assert {(row["variant"], row["not_run"].partition(",")[0]) for row in plan.not_run} == {
        ("dsh-full", "at scope full is trained on images"),
        ("classifier", "learns from labels"),
    }
    assert plan.given_features({"dataset": "mine"}) == "resources/mine/features/embeddings.parquet"
    assert plan.given_features({"dataset": "digits"}) == ""


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"methods": ["dsh"]}, r"methods\[0\]: dsh learns from labels, but mine has none; add labels"),
        ({"methods": [FULL], "datasets": [embedded(labels="labels.npy")]}, "dsh at scope full is trained on images"),
        ({"datasets": ["digits", embedded()]}, "backbones: the list is empty, but digits has images; add a network"),
        ({"datasets": [embedded(labels="labels.npy", neighbours=3)]}, r"datasets\[0\].params: neighbours and distance"),
    ],
)
def test_embeddings_refuse_what_needs_images_or_labels(vectors, config, words):
    with pytest.raises(ConfigError, match=words):
        plan_of(**{"datasets": [embedded()], "backbones": [], "methods": ["itq"], **config})


def test_a_damaged_vectors_file_is_a_config_error(vectors):
    Path("vectors.h5").write_bytes(b"no HDF5")
    with pytest.raises(ConfigError, match=r"config key datasets\[0\].params: vectors.h5 cannot be read"):
        plan_of(datasets=[embedded(embeddings="vectors.h5")], backbones=[], methods=["itq"])
