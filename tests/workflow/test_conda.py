"""`--sdm conda` through a fake conda: Snakemake's own steps, with a virtual environment in the end.

What conda itself does with envs/l2h.yaml is not run here; tests/test_lock.py compares the file with the lock.
"""

import os
import subprocess
import sys
import sysconfig

import pytest
import yaml

from l2h.store.manifests import read_manifest
from workspace import ROOT, Workspace

# It answers what Snakemake asks, and makes an environment of all that this one has but l2h, which is linked in by a
# .pth file: those are read in site-packages alone.
CONDA = """#!/bin/sh
case "$*" in
  "info --json") echo '{{"conda_prefix": "{base}", "platform": "linux-64"}}' ;;
  --version) echo conda 24.11.1 ;;
  "config --get channel_priority --json") echo '{{"get": {{"channel_priority": "strict"}}}}' ;;
  "env create"*)
    while [ $# -gt 1 ]; do
      case "$1" in --file) cp "$2" {base}/file.yaml ;; --prefix) prefix=$2 ;; esac
      shift
    done
    {python} -m venv --without-pip "$prefix"
    site=$(echo "$prefix"/lib/python*/site-packages)
    echo {packages} > "$site/packages.pth"
    echo 'import sys; open("{base}/used", "a").write(sys.prefix + chr(10))' > "$site/used.pth" ;;
  "clean -y --tarballs") ;;
  *) echo "conda $*: not faked" >&2; exit 1 ;;
esac
"""


@pytest.fixture
def base(tmp_path, monkeypatch):
    """The folder of the fake conda, first on the PATH."""
    folder = tmp_path / "base"
    (folder / "bin").mkdir(parents=True)
    words = {"base": folder, "python": sys.executable, "packages": sysconfig.get_paths()["purelib"]}
    (folder / "bin/conda").write_text(CONDA.format(**words))
    (folder / "bin/conda").chmod(0o755)
    (folder / "bin/activate").write_text('export PATH="$1/bin:$PATH"\n')
    monkeypatch.setenv("PATH", f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}")
    return folder


def test_the_catalog_entry_matches_the_tests():
    usage = yaml.safe_load((ROOT / ".snakemake-workflow-catalog.yml").read_text())["usage"]
    assert usage["software-stack-deployment"] == {"conda": True, "apptainer": False, "apptainer+conda": False}
    assert (ROOT / usage["mandatory-flags"]["flags"].removeprefix("--configfile ")).is_file()
    assert usage["report"] is True  # see test_report.py, on captions


def test_jobs_run_in_the_conda_environment(base, tmp_path):
    workspace = Workspace(tmp_path / "work")
    workspace.snakemake("--sdm", "conda", "--cores", "1", "resources/digits/manifest.parquet")
    assert len(read_manifest(workspace.folder / "resources/digits/manifest.parquet")) == 1797
    assert (base / "file.yaml").read_text() == (ROOT / "envs/l2h.yaml").read_text()
    (prefix,) = (path for path in (workspace.folder / ".snakemake/conda").iterdir() if path.is_dir())
    assert str(prefix) in (base / "used").read_text().splitlines()
    bare = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    alone = [prefix / "bin/python", "-c", "import numpy, snakemake, l2h"]
    said = subprocess.run(alone, env=bare, cwd=tmp_path, text=True, capture_output=True).stderr
    assert "No module named 'l2h'" in said
