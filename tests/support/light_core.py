"""Use an installed l2h, away from the repository, with the light core alone: `python light_core.py [MISSING ...]`.

Packages named on the command line count as missing. The last line printed is the folder of the workflow's files.
"""

import sys
from importlib.machinery import PathFinder

MISSING = sys.argv[1:]


class Without(PathFinder):
    """Finds all modules but those of the missing packages."""

    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name.partition(".")[0] in MISSING else super().find_spec(name, path, target)


sys.meta_path[sys.meta_path.index(PathFinder)] = Without

import io
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import l2h

assert "numpy" not in sys.modules, "import l2h is lazy"

import numpy as np

from l2h import datasets
from l2h.cli import main
from l2h.datasets.downloads import Sources
from l2h.errors import L2HError
from l2h.plan import workflow
from l2h.store.manifests import read_manifest
from l2h.store.splits import write_split


def error(package, extra):
    return f"the package {package} is not installed; run: pip install 'l2h[{extra}]'"


TORCH = error("torch", "deep")


def use_methods():
    """Each method fits, saves and loads, or names the extra that it needs."""
    X, y = np.random.default_rng(0).normal(size=(300, 16)), np.arange(300) % 20
    refused = {}
    for name in set(l2h.hashing.registry.names()) - {"external"}:
        method = l2h.hashing.make(name, bits=16, random_state=0)
        try:
            method.fit(X, y).save(name)
        except L2HError as fault:
            refused[name] = str(fault)
            continue
        loaded = l2h.hashing.load(name)
        if name in l2h.hashing.available():
            assert np.array_equal(loaded.transform(X), method.transform(X))
        else:
            assert np.array_equal(loaded.scores(X[:9], X), method.scores(X[:9], X))
    deep = [name for name in l2h.hashing.registry.names() if l2h.hashing.registry.get(name).scopes]
    assert refused == {**dict.fromkeys(deep, TORCH), "pq": error("faiss", "pipeline")}
    assert len(deep) >= 3


def use_ranking():
    """Distances 0, 1 and 2, of which the first and the last are relevant."""
    database = l2h.codes.pack(np.tri(3, 8, -1, dtype=bool))
    ranks = l2h.ranking.rank_histogram(database[:1], database, [0], [0, 1, 0], bits=8)
    assert np.allclose(l2h.metrics.average_precision(ranks), (1 / 1 + 2 / 3) / 2)
    said = ""
    try:
        l2h.ranking.rank_histogram(database, database, [0] * 3, [0] * 3, bits=8, device="cuda")
    except L2HError as fault:
        said = str(fault)
    assert said == TORCH


def use_data():
    """A dataset is prepared, split and checked."""
    folder = Path("digits")
    folder.mkdir()
    data = datasets.make("digits", Sources("downloads"))
    data.prepare(folder / "images", folder / "manifest.parquet")
    manifest = read_manifest(folder / "manifest.parquet")
    split = l2h.splits.make_split(manifest, "digits-300", data.protocols["digits-300"], seed=0)
    write_split("split.parquet", split)


def command(*words):
    """Run a command of the command line; return its exit code, and what it wrote."""
    with redirect_stdout(io.StringIO()) as out, redirect_stderr(out):
        try:
            code = main(words)
        except SystemExit as done:
            code = done.code
    return code, out.getvalue()


def use_command_line():
    """The commands that need no extra run; one that does names it."""
    quickstart = str(workflow.folder() / "config/quickstart.yaml")
    for words in (
        ["--help"],
        ["--version"],
        ["methods"],
        ["methods", "dsh"],
        ["datasets"],
        ["datasets", "cifar10"],
        ["backbones"],
        ["backbones", "alexnet"],
        ["check-config", quickstart],
        ["check-split", "split.parquet", "--data", "digits"],
    ):
        code, said = command(*words)
        assert code == 0, f"l2h {' '.join(words)}: {said}"
        assert said
    for run in ("power", "provenance", "export"):
        code, said = command(run, "results/none")
        assert code == 1
        assert "not installed" not in said
    assert command("charts") == (1, f"l2h: error: {error('altair', 'report')}\n")
    assert command("compare", "a", "b", "-o", "c") == (1, f"l2h: error: {error('vl_convert', 'report')}\n")


use_methods()
use_ranking()
use_data()
use_command_line()
assert workflow.folder() == Path(l2h.__file__).parent / "_workflow"
print(workflow.folder())
