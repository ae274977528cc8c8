"""Which code a job depends on, without Snakemake; `tests/workflow/test_rerun.py` shows that Snakemake agrees."""

import sys
from types import SimpleNamespace

import pytest

from l2h import backbones, datasets, hashing
from l2h.plan import code
from workspace import ROOT, SUPPORT

SCRIPTS = sorted(path.stem for path in (ROOT / "workflow/scripts").glob("*.py"))
METHODS = ("lsh", "itq", "sh", "dsh", "hashnet", "bihalf", "classifier", "pq", "cosine")
BACKBONES = ("alexnet", "vgg16")
READERS = ("digits", "mnist", "image_list")


def script(name):
    return ROOT / f"workflow/scripts/{name}.py"


def rests(name, *classes):
    return set(code.digests(script(name), *classes))


def jobs():
    """The modules that each job of a run with all of these depends on, by script and class."""
    by_method = ("train", "encode", "rank_by_scores", "finetune")
    found = {(name, method): rests(name, hashing.registry.get(method)) for name in by_method for method in METHODS}
    found |= {("features", name): rests("features", backbones.registry.get(name)) for name in BACKBONES}
    found |= {("dataset", name): rests("dataset", datasets.registry.get(name)) for name in READERS}
    return found | {(name, None): rests(name) for name in SCRIPTS}


def changed(module):
    """The jobs that rerun if a line of a module changes."""
    return {job for job, modules in jobs().items() if module in modules}


def test_a_changed_loss_retrains_only_its_method():
    module = hashing.registry.get("dsh").__module__
    assert changed(module) == {(name, "dsh") for name in ("train", "encode", "rank_by_scores", "finetune")}


def test_a_changed_helper_retrains_the_methods_that_use_it():
    assert {method for name, method in changed("l2h.hashing.shallow.pca") if name == "train"} == {"lsh", "itq", "sh"}


@pytest.mark.parametrize(
    ("module", "scripts"),
    [
        ("l2h.metrics", {"evaluate", "gallery", "audit", "compare", "report"}),
        ("l2h.evaluation.cell", {"evaluate"}),
        ("l2h.ranking.roles", {"rank"}),
        ("l2h.datasets.leaks", {"check_split"}),
        ("l2h.evaluation.significance", {"compare", "report"}),
        ("l2h.evaluation.costs", {"costs"}),
        ("l2h.evaluation.timing", {"train", "finetune", "costs"}),
        ("l2h.backbones.extraction", {"features", "finetune", "encode_images", "costs"}),
    ],
)
def test_a_changed_line_reruns_the_scripts_that_use_it(module, scripts):
    assert {name for name, of in changed(module) if of is None} == scripts


def test_features_do_not_depend_on_later_steps():
    for name in ("dataset", "split", "check_split", "weights", "features"):
        wrong = [module for module in rests(name) if module.startswith(("l2h.hashing", "l2h.ranking", "l2h.report"))]
        assert wrong == [], name


def test_a_changed_backbone_reruns_only_its_own_features():
    assert changed(backbones.registry.get("vgg16").__module__) == {("features", "vgg16")}


def test_imports_of_every_form_count(tmp_path):
    path = tmp_path / "script.py"
    path.write_text(
        "from l2h.store import splits\nfrom l2h.ids import find\nimport l2h.codes, numpy\n"
        "def late():\n    from l2h import progress\n"
    )
    assert code.imports_of(path) == {"l2h.store.splits", "l2h.ids", "l2h.codes", "l2h.progress"}
    assert {"l2h", "l2h.store", "l2h.store.tables", "l2h.splits"} <= code.closure(code.imports_of(path))


def test_a_plug_in_counts_with_its_imports(monkeypatch):
    monkeypatch.setitem(sys.modules, "l2h_plugin_mine", SimpleNamespace(__file__=SUPPORT / "toy_method.py"))
    mine = type("Mine", (hashing.registry.get("lsh"),), {"__module__": "l2h_plugin_mine"})
    found = set(code.digests(script("train"), mine))
    assert found - rests("train", *mine.__bases__) == {"l2h_plugin_mine"}
    assert code.imports_of(SUPPORT / "toy_method.py") <= found


def test_a_plug_in_s_metric_counts(monkeypatch):
    monkeypatch.setitem(sys.modules, "l2h_plugin_toy_metric", SimpleNamespace(__file__=SUPPORT / "toy_metric.py"))
    found = set(code.digests(script("evaluate"), "l2h_plugin_toy_metric"))
    assert found - rests("evaluate") == {"l2h_plugin_toy_metric"}


def test_a_digest_follows_the_source():
    found = code.digests(script("split"))
    assert found["l2h.splits"] == code.digest(str(ROOT / "src/l2h/splits.py"))
    assert len(found["l2h.splits"]) == 16


def test_other_files_are_known_by_name():
    assert {"page.html.jinja", "published.csv"} <= set(code.data("l2h.report"))
