"""`l2h provenance` on each kind of file that a run leaves."""

import hashlib
import json
import shutil

import pyarrow.parquet as pq
import pytest

from l2h.backbones.weights import file_sha256
from l2h.cli import main
from l2h.runs import description
from l2h.store.manifests import write_manifest
from l2h.store.splits import read_split

RUN = "results/tiny"
SETTING = f"{RUN}/digits/digits-300/alexnet-pool5"
CELL = f"{SETTING}/itq/8bits-seed0"
FEATURES = "resources/digits/features/alexnet-pool5-untrained-0-63px-fp32-float32-cpu2.parquet"
SPLIT = "resources/digits/splits/digits-300.parquet"
WEIGHTS = "resources/weights/alexnet-untrained-0.safetensors"


@pytest.fixture
def inside(finished, monkeypatch):
    monkeypatch.chdir(finished.folder)
    return finished.folder


def said(capsys, path):
    """Exit code and findings."""
    code = main(["provenance", "--json", path])
    out, err = capsys.readouterr()
    return code, json.loads(out) if out else err


OF_A_RUN = {
    "comparison.csv": (
        None,
        {
            "l2h.report.comparison",
            "l2h.hashing.shallow.itq",
            "l2h.metrics",
            "l2h.backbones.extraction",
            "l2h.evaluation.costs",
        },
    ),
    "comparison.parquet": (None, {"l2h.report.comparison", "l2h.hashing.deep.hashnet"}),
    "comparison.md": (None, {"l2h.report.comparison", "l2h.hashing.deep.hashnet"}),
    "differences.csv": (None, {"l2h.report.differences", "l2h.evaluation.significance"}),
    "differences.parquet": (None, {"l2h.report.differences", "l2h.evaluation.significance"}),
    "table.md": (None, {"l2h.report.cost_columns", "l2h.evaluation.costs"}),
    "report.html": (None, {"l2h.report.page", "l2h.report.gallery", "l2h_plugin_toy_method"}),
    "run.json": ("report", {"l2h.report.run_info"}),
}


@pytest.mark.parametrize("name", OF_A_RUN)
def test_files_of_a_run_are_traced(inside, capsys, name):
    code, found = said(capsys, f"{RUN}/{name}")
    rule, modules = OF_A_RUN[name]
    assert (code, found["problems"], found["rule"]) == (0, [], rule)
    config = hashlib.sha256((inside / "tiny.yaml").read_bytes()).hexdigest()
    assert found["configs"] == {str(inside / RUN): config}
    assert found["data"] == {
        f"{dataset}/{protocol}": read_split(f"resources/{dataset}/splits/{protocol}.parquet").sha256
        for dataset, protocol in (("digits", "digits-300"), ("digit_pairs", "digit-pairs-200"))
    }
    assert found["weights"] == {"alexnet-pool5": file_sha256(WEIGHTS)}
    assert modules <= set(found["code"])
    assert found["changed_code"] == []


OF_A_PLACE = {
    f"{SETTING}/costs.parquet": ("costs", "l2h.evaluation.costs"),
    f"{SETTING}/audit.parquet": ("audit", "l2h.evaluation.audit"),
    f"{SETTING}/gallery.json": ("gallery", "l2h.report.gallery"),
    f"{CELL}/model": ("train", "l2h.hashing.shallow.itq"),
    f"{CELL}/model/model.json": ("train", "l2h.hashing.shallow.itq"),
    f"{CELL}/model/model.safetensors": (None, "l2h.hashing.shallow.itq"),
    f"{CELL}/training.parquet": ("train", "l2h.evaluation.timing"),
    f"{CELL}/codes.parquet": ("train", "l2h.codes"),
    f"{SETTING}/itq/histograms.parquet": ("rank", "l2h.ranking.counting"),
    f"{SETTING}/itq/histograms_unseen.parquet": ("rank", "l2h.ranking.counting"),
    f"{SETTING}/metrics.parquet": ("evaluate", "l2h.evaluation.cell"),
    f"{SETTING}/queries.parquet": ("evaluate", "l2h.evaluation.cell"),
}


@pytest.mark.parametrize("path", OF_A_PLACE)
def test_files_of_a_setting_and_of_a_cell_are_traced(inside, capsys, path):
    code, found = said(capsys, path)
    assert (code, found["problems"]) == (0, [])
    assert (found["rule"], OF_A_PLACE[path][1] in found["code"]) == (OF_A_PLACE[path][0], True)
    assert found["place"]["backbone"] == "alexnet-pool5"
    assert ("cell" in found["place"]) == (CELL in path)
    assert list(found["configs"]) == [str(inside / RUN)]
    assert found["data"] == {"digits/digits-300": read_split(SPLIT).sha256}
    assert found["weights"] == {"alexnet-pool5": file_sha256(WEIGHTS)}
    assert {"l2h.splits", "l2h.backbones.extraction", "l2h.datasets.digits"} <= set(found["code"])
    assert ("l2h.evaluation.cell" in found["code"]) == ("/itq/" not in path)


def test_shared_files_are_traced(inside, capsys):
    manifest = file_sha256("resources/digits/manifest.parquet")
    split = read_split(SPLIT).sha256
    weights = file_sha256(WEIGHTS)
    for path, rule, data, of in (
        ("resources/digits/manifest.parquet", "dataset", {"digits": manifest}, {}),
        (SPLIT, "split", {"digits": manifest, "digits/digits-300": split}, {}),
        (SPLIT.replace(".parquet", ".near_copies.parquet"), "check_split", {"digits": manifest}, {}),
        (FEATURES, "features", {"digits": manifest}, {"untrained-0": weights}),
        (WEIGHTS, None, {}, {"alexnet-untrained-0": weights}),
    ):
        code, found = said(capsys, path)
        assert (code, found["problems"], found["rule"]) == (0, [], rule)
        assert (found["data"], found["weights"]) == (data, of)
        runs = {str(path) for path in (inside / "results").iterdir()}  # other tests may have added some
        assert {str(inside / RUN)} <= set(found["configs"]) <= runs
        assert ("l2h.store" in found["code"]) == (rule is not None)


def test_the_text_names_all_four(inside, capsys):
    assert main(["provenance", f"{CELL}/codes.parquet"]) == 0
    first, *lines = capsys.readouterr().out.splitlines()
    assert first == f"{CELL}/codes.parquet, by the rule train"
    assert [line.split()[0] for line in lines] == ["config", "code", "data", "weights"]
    assert all(len(line.split()[1]) == 64 for line in lines)


def test_mismatches_are_problems(inside, capsys, tmp_path):
    shutil.copytree(inside / RUN / "digits", tmp_path / RUN / "digits")
    shutil.copytree(inside / "resources/digits", tmp_path / "resources/digits")
    facts = description.read(inside / RUN)
    facts["splits"]["digits/digits-300"]["sha256"] = "0" * 64
    description.write(facts, tmp_path / RUN / "run.json")
    code, found = said(capsys, str(tmp_path / CELL / "codes.parquet"))
    assert code == 1
    assert [problem.partition(" ")[2] for problem in found["problems"]] == [
        "is not the split of the run; run it again",
        "was trained on another split than the run's; run it again",
    ]
    path = tmp_path / "resources/digits/manifest.parquet"
    write_manifest(path, [bytes(32)], [[0]], ["images.npy[0]"])
    code, found = said(capsys, str(tmp_path / FEATURES))
    assert code == 1
    assert f"{path} is not the one that {tmp_path / FEATURES} was made from" in found["problems"][0]


def test_code_that_has_changed_since_is_named(inside, capsys, tmp_path):
    shutil.copytree(inside / RUN / "digits", tmp_path / RUN / "digits")
    shutil.copytree(inside / "resources/digits", tmp_path / "resources/digits")
    shutil.copy(inside / RUN / "run.json", tmp_path / RUN)
    path = tmp_path / CELL / "codes.parquet"
    table = pq.read_table(path)
    code = {**json.loads(table.schema.metadata[b"code"]), "l2h.codes": "0" * 16}
    pq.write_table(table.replace_schema_metadata({**table.schema.metadata, b"code": json.dumps(code)}), path)
    assert said(capsys, str(path))[1]["changed_code"] == ["l2h.codes"]


def test_a_file_without_provenance_is_one_line(inside, capsys, tmp_path):
    (tmp_path / "comparison.csv").write_text("x")
    (tmp_path / "results/half").mkdir(parents=True)
    (tmp_path / "results/half/comparison.csv").write_text("x")
    (tmp_path / "results/other").mkdir()
    (tmp_path / "results/other/run.json").write_text('{"config": 3}')
    for path, words in (
        (f"{RUN}/none.csv", "none.csv does not exist"),
        (tmp_path / "comparison.csv", "is not in a folder results/<run> or resources/<dataset>"),
        (tmp_path / "results/other", "other is a folder; name a file in it"),
        (tmp_path / "results/other/run.json", "run.json lacks command, versions, "),
        (tmp_path / "results/half/comparison.csv", "run.json does not exist; finish the run"),
    ):
        code, err = said(capsys, str(path))
        assert code == 1
        assert words in err
        assert err.count("\n") == 1
