"""Examples in docstrings run, and each method and metric has one."""

import doctest
from importlib import import_module

import pytest

from l2h import hashing, metrics
from workspace import ROOT

SOURCES = ROOT / "src"
FILES = [path.relative_to(SOURCES) for path in sorted(SOURCES.rglob("*.py")) if ">>> " in path.read_text()]


@pytest.mark.parametrize("file", FILES, ids=str)
def test_examples_run(file):
    found = doctest.testmod(import_module(".".join(file.with_suffix("").parts)))
    assert found.attempted > 0
    assert found.failed == 0


@pytest.mark.parametrize("name", hashing.registry.names())
def test_each_method_has_an_example(name):
    assert f'make("{name}"' in hashing.registry.get(name).__doc__


@pytest.mark.parametrize("name", metrics.registered())
def test_each_metric_has_an_example(name):
    function = metrics.registry.get(name).function
    assert f"{function.__name__}(" in function.__doc__.partition(">>> ")[2]
