"""The wheel: away from the repository, with the light core alone, and with all files of the workflow."""

import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

import l2h
from l2h.extras import EXTRAS
from l2h.plan import workflow
from workspace import ROOT, SUPPORT

BUILD = "import sys; from hatchling import build; print(getattr(build, sys.argv[1])(sys.argv[2]))"


def build(kind: str, folder: Path) -> ZipFile:
    """The wheel of this repository, as the backend's function `kind` builds it into a folder."""
    command = [sys.executable, "-c", BUILD, kind, folder]
    done = subprocess.run(command, cwd=ROOT, text=True, stdout=subprocess.PIPE, check=True)
    return ZipFile(folder / done.stdout.split()[-1])


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Path:
    """A folder with the wheel's content, as pip would put it into site-packages."""
    folder = tmp_path_factory.mktemp("wheel")
    with build("build_wheel", folder) as wheel:
        wheel.extractall(folder / "content")
    return folder / "content"


def files(folder: Path) -> dict[str, bytes]:
    """The content of each file below a folder, by its path there."""
    paths = [path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def test_the_wheel_holds_the_workflow_unchanged(installed):
    packed = installed / "l2h/_workflow"
    for name in ("rules", "workflow", "profiles"):
        assert files(packed / name) == files(ROOT / name) != {}
    for name in ("Snakefile", "envs/l2h.yaml", "config/quickstart.yaml"):
        assert (packed / name).read_bytes() == (ROOT / name).read_bytes()


def test_a_checkout_uses_its_own_workflow(tmp_path):
    assert workflow.folder() == ROOT
    with build("build_editable", tmp_path) as wheel:
        assert {name.partition("/")[0] for name in wheel.namelist()} == {"_l2h.pth", f"l2h-{l2h.__version__}.dist-info"}


def test_the_wheel_holds_all_files_of_the_packages(installed):
    for name in ("l2h", "snakemake_logger_plugin_l2h"):
        assert files(ROOT / "src" / name).items() <= files(installed / name).items()


def test_the_light_core_is_enough_for_the_library(installed, tmp_path):
    done = subprocess.run(
        [sys.executable, SUPPORT / "light_core.py", *EXTRAS],
        cwd=tmp_path,
        env={"PATH": "", "HOME": str(tmp_path), "PYTHONPATH": str(installed)},
        text=True,
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [str(installed / "l2h/_workflow")]
