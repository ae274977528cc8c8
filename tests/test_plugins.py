"""One plug-in of each kind, a file each: from images to the report, in the docs, on the command line, in a config."""

import re
from importlib.util import module_from_spec, spec_from_file_location

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import torch

from l2h import backbones, charts, codes, datasets, hashing, metrics, plugins
from l2h.backbones.extraction import Extractor
from l2h.backbones.weights import make_untrained
from l2h.cli import main
from l2h.config import resolve
from l2h.datasets.downloads import Sources
from l2h.datasets.images import iter_images
from l2h.evaluation.cell import evaluate
from l2h.plan.plan import Plan
from l2h.ranking import rank_histogram
from l2h.report import comparison, cost_columns, curves, differences, page
from l2h.splits import make_split
from l2h.store.cells import CELL_KEY
from l2h.store.manifests import read_manifest
from l2h.store.results import METRICS
from workspace import ROOT, SUPPORT

KINDS = {  # file -> the command that lists it, its name, and its package
    "toy_method": ("methods", "toy", hashing),
    "toy_loss": ("methods", "toy_loss", hashing),
    "toy_metric": ("metrics", "r_precision", metrics),
    "toy_dataset": ("datasets", "toy", datasets),
    "toy_backbone": ("backbones", "toy", backbones),
    "toy_chart": ("charts", "spread", charts),
}
CONFIG = {
    "plugins": [str(SUPPORT / f"{name}.py") for name in KINDS],
    "datasets": [{"name": "toy", "params": {"images": 80}}],
    "backbones": [{"name": "toy", "weights": "untrained", "input_size": 16}],
    "methods": ["toy", {"method": "toy_loss", "params": {"pull": 2.0}}],
    "bits": [8],
    "seeds": [0, 1],
}
TABLES = pa.schema([*CELL_KEY.items(), *METRICS])


@pytest.fixture(autouse=True)
def toys(own_plugins):
    """All plug-ins, for one test."""
    plugins.load(CONFIG["plugins"])


def plan_of_config():
    config = {**CONFIG}
    resolve(config)
    return Plan(config, "toys")


def test_the_plan_depends_on_the_plug_ins_of_a_config():
    plan = plan_of_config()
    assert {cell[:4] for cell in plan.cells} == {("toy", "toy-10", "toy-fc", name) for name in ("toy", "toy_loss")}
    assert plan.datasets["toy"]["params"] == {"images": 80}
    assert plan.variants["toy_loss"]["arguments"]["pull"] == 2.0
    assert plan.labelled("supervised") == ["toy_loss"]
    rests = {
        script: {name.removeprefix(plugins.PREFIX) for name in plan.code(path, cell) if name.startswith(plugins.PREFIX)}
        for path in (ROOT / "workflow/scripts").glob("*.py")
        for script, cell in [(path.stem, plan.cells_of({"variant": "toy_loss"})[0]._asdict())]
    }
    assert {script: names for script, names in rests.items() if names} == {
        **{script: {"toy_dataset"} for script in ("dataset", "embeddings")},
        "features": {"toy_backbone"},
        "weights": {"toy_backbone"},
        "encode_images": {"toy_backbone"},
        **{script: {"toy_loss"} for script in ("train", "encode", "external_codes", "rank_by_scores")},
        "finetune": {"toy_loss", "toy_backbone"},
        "audit": {"toy_method", "toy_loss"},
        "costs": {"toy_method", "toy_loss", "toy_backbone"},
        **{script: {"toy_metric"} for script in ("evaluate", "gallery", "compare")},
        "report": {"toy_metric", "toy_chart", "toy_dataset", "toy_method", "toy_loss"},  # it shows what methods do
    }


def test_plug_ins_of_every_kind_run_from_images_to_the_report(tmp_path, monkeypatch):
    monkeypatch.setattr(page, "_charting", str)  # the libraries take 2 s
    dataset = datasets.make("toy", Sources(tmp_path), images=80)
    dataset.prepare(tmp_path / "images", tmp_path / "manifest.parquet")
    manifest = read_manifest(tmp_path / "manifest.parquet")
    split = make_split(manifest, "toy-10", dataset.protocols["toy-10"], 0)
    entry = {**plan_of_config().backbones["toy-fc"], "source": "untrained"}
    make_untrained(backbones.registry.get("toy")(), 0, tmp_path / "weights")
    extractor = Extractor(entry, tmp_path / "weights", torch.device("cpu"))
    batches = iter_images(tmp_path / "images", manifest, 32, manifest["id"].to_numpy())
    features = np.concatenate([part for _, part in extractor(batches)])
    labels = np.concatenate(manifest["labels"].to_pylist())
    query, train, database = (split.ids(role) for role in ("query", "train", "database"))
    tables, queries = [], []
    for method, params in (("toy", {}), ("toy_loss", {"validation": 0, "lr": 0.01})):
        for seed in (0, 1):
            key = dict.fromkeys(CELL_KEY, "toy") | {"variant": method, "method": method, "bits": 8, "seed": seed}
            key["scope"] = "shallow" if method == "toy" else "linear"
            hasher = hashing.make(method, bits=8, random_state=seed, **params)
            packed = hasher.fit(features[train], labels[train]).transform(features)
            h = rank_histogram(packed[query], packed[database], labels[query], labels[database], bits=8)
            figures, by_query = evaluate(h, h, packed[database])
            tables.append(pa.Table.from_pylist([{**key, **figure} for figure in figures], schema=TABLES))
            queries.append((key, pa.table({"query_id": query, **by_query})))
    spread = differences.methods(queries)
    table = comparison.compare(tables, spread)
    assert table["variant"].tolist() == ["toy", "toy_loss"]
    assert table["r_precision"][1] > 0.95  # it sees the labels
    joined = cost_columns.join(table, [])
    of_cells = curves.precision_recall(tables)
    facts = {"settings": {}, "command": "c", "config": "", "versions": {}, "system": "", "processors": [], "times": []}
    facts["splits"] = {"toy/toy": {"seed": 0, "sha256": "5a", "query": 10, "train": 20, "database": 70}}
    tested = differences.between_methods(spread)
    audits = pd.DataFrame(columns=[*CELL_KEY, "mistake", "printed", "right", "queries"])
    text, drawings = page.render(joined, tested, audits, of_cells, (), (), {"toys": facts}, {"toy_loss"})
    assert "toy-spread" in drawings
    assert "<figcaption>Standard deviation of mAP between trainings against code length</figcaption>" in text
    assert "A method without random parts has none." in text
    assert re.search(r">R-precision\b", text)
    assert f">{table['r_precision'][0]:.3f}</td>" in text


@pytest.mark.parametrize("file", KINDS)
def test_the_command_line_lists_plug_ins(file, capsys):
    command, name, package = KINDS[file]
    assert main([command]) == 0
    (line,) = re.findall(rf"^{name} +(.*)$", capsys.readouterr().out, re.M)
    assert line
    assert main([command, name]) == 0
    shown = capsys.readouterr().out
    assert name in shown.splitlines()[0]
    assert len(shown.splitlines()) > 1
    assert name in package.registry


@pytest.mark.parametrize("file", KINDS)
def test_generated_docs_list_plug_ins(file):
    command, name, _ = KINDS[file]
    spec = spec_from_file_location("generate", ROOT / "docs/generate.py")
    generate = module_from_spec(spec)
    spec.loader.exec_module(generate)
    page_of = generate.FILES[f"docs/reference/{command}.md"]()
    assert f"\n| `{name}` | " in page_of
    if command not in ("metrics", "charts"):
        assert f"`{name}`" in generate.FILES["docs/README.md"]()


def example_of(kind, tmp_path):
    """The example of a docs page, loaded as a plug-in."""
    (block,) = re.findall(r"^```python\n(.*?)^```", (ROOT / f"docs/how-to/adding-a-{kind}.md").read_text(), re.M | re.S)
    path = tmp_path / f"docs_{kind.replace('-', '_')}.py"
    path.write_text(block)
    plugins.load([str(path)])


def test_the_docs_example_of_a_shallow_method_works(tmp_path):
    example_of("shallow-method", tmp_path)
    data = np.random.default_rng(0).normal(size=(20, 5))
    made = hashing.make("coordinates", bits=4).fit(data)
    assert (codes.unpack(made.transform(data), 4) == (data[:, :4] > data[:, :4].mean(axis=0))).all()
    made.save(tmp_path / "model")
    assert (hashing.load(tmp_path / "model").transform(data) == made.transform(data)).all()


def test_the_docs_example_of_a_dataset_works(tmp_path):
    example_of("dataset", tmp_path)
    images = np.random.default_rng(0).integers(0, 256, (70, 9, 8), dtype=np.uint8)
    np.savez(tmp_path / "scans.npz", images=images, labels=np.arange(70) % 2)
    scans = datasets.make("scans", Sources(tmp_path), file=str(tmp_path / "scans.npz"))
    assert scans.made_of() == [str(tmp_path / "scans.npz")]
    scans.prepare(tmp_path / "images", tmp_path / "manifest.parquet")
    split = make_split(read_manifest(tmp_path / "manifest.parquet"), "scans-10", scans.protocols["scans-10"], 0)
    assert [len(split.ids(role)) for role in ("query", "train", "database")] == [20, 40, 50]


def test_the_docs_example_of_a_backbone_works(tmp_path):
    example_of("backbone", tmp_path)
    backbone = backbones.registry.get("resnet18")()
    network = backbone.truncate(backbone.network(), "pooled").eval()
    with torch.no_grad():
        assert network(torch.zeros(2, 3, backbone.min_size, backbone.min_size)).shape == (2, 512)
