"""A benchmark inside this process, and a small dataset for it."""

import importlib.util
import logging
import sys

import numpy as np
import pytest

from l2h import datasets
from l2h.datasets.downloads import Sources
from l2h.store.features import write_features
from l2h.store.manifests import read_manifest
from workspace import ROOT


@pytest.fixture
def load(monkeypatch):
    """Load a benchmark as a module; what benchmarks share is found while the test runs."""
    monkeypatch.syspath_prepend(ROOT / "benchmarks")

    def load_file(name):
        spec = importlib.util.spec_from_file_location(name, ROOT / "benchmarks" / f"{name}.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    yield load_file
    sys.modules.pop("common", None)


@pytest.fixture
def run_inside(load, monkeypatch):
    """Run a benchmark's `main`; threads and the level of the log stay as they are."""
    logger = logging.getLogger("l2h")
    monkeypatch.setattr(logger, "level", logger.level)

    def run(name, *arguments):
        module = load(name)
        monkeypatch.setattr(module, "limit_threads", lambda n: None)
        monkeypatch.setattr(sys, "argv", [name, *map(str, arguments)])
        module.main()
        return module

    return run


@pytest.fixture(scope="session")
def digits(tmp_path_factory):
    """A prepared dataset with features, its pixels."""
    folder = tmp_path_factory.mktemp("resources") / "digits"
    datasets.make("digits", Sources(folder)).prepare(folder / "images", folder / "manifest.parquet")
    ids = read_manifest(folder / "manifest.parquet")["id"].to_numpy()
    pixels = np.load(folder / "images/images.npy").reshape(len(ids), -1).astype(np.float32)
    (folder / "features").mkdir()
    write_features(folder / "features/pixels.parquet", [(ids, pixels)], "float32", {"dataset": "digits"})
    return folder
