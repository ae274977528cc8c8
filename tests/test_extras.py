"""A missing package names the extra that installs it, and the extras are those of pyproject.toml."""

import re
import tomllib

import pytest

from l2h import extras, plugins
from l2h.errors import L2HError
from workspace import ROOT

# distributions that Python imports by another name
IMPORTED = {"faiss-cpu": "faiss", "vl-convert-python": "vl_convert"}


def test_each_package_is_listed_with_its_extra():
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    found = {}
    for extra in declared.keys() - {"dev"}:
        names = {re.match(r"[\w-]+", text)[0] for text in declared[extra]} - {"l2h"}
        found |= {IMPORTED.get(name, name.replace("-", "_")): extra for name in names}
    assert found == extras.EXTRAS


@pytest.fixture
def bare(monkeypatch):
    """Nothing is installed."""
    monkeypatch.setattr(extras, "find_spec", lambda _: None)


@pytest.mark.parametrize(
    ("packages", "line"),
    [
        (["torch"], "the package torch is not installed; run: pip install 'l2h[deep]'"),
        (
            ["torch", "torchvision"],
            "the packages torch and torchvision are not installed; run: pip install 'l2h[deep]'",
        ),
        (
            ["snakemake", "altair"],
            "the packages snakemake and altair are not installed; run: pip install 'l2h[pipeline,report]'",
        ),
        (["mine"], "the package mine is not installed; install it"),
    ],
)
def test_missing_packages_are_one_line(bare, packages, line):
    with pytest.raises(L2HError) as caught:
        extras.require(*packages)
    assert str(caught.value) == line


def test_requiring_a_package_does_not_import_it():
    extras.require("antigravity")


def test_other_errors_stay_unchanged():
    errors = [ModuleNotFoundError("No module named 'mine'", name="mine"), ImportError("broken"), KeyError("torch")]
    assert [extras.named(error) for error in errors] == errors
    submodule = ModuleNotFoundError("No module named 'torch.nn'", name="torch.nn")
    assert str(extras.named(submodule)).startswith("the package torch is not installed")


def test_a_plug_in_that_needs_an_extra_names_it(tmp_path):
    path = tmp_path / "needs_torch.py"
    path.write_text("raise ModuleNotFoundError(\"No module named 'torch'\", name='torch')\n")
    with pytest.raises(L2HError) as caught:
        plugins.load([path])
    line = "the package torch is not installed; run: pip install 'l2h[deep]'"
    assert str(caught.value) == f"plug-in {path} cannot be loaded: {line} ({path}, line 1)"
