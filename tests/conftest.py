"""What tests share: where the repository and the optional data folder are."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """A folder with data that the repository does not hold: L2H_TEST_DATA, or ../shared/data beside the clone."""
    folder = Path(os.environ.get("L2H_TEST_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no data folder at {folder}; set L2H_TEST_DATA to one")
    return folder


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """The workflow's run to the end, with two cores."""
    from test_workflow import Workspace

    workspace = Workspace(tmp_path_factory.mktemp("two") / "work")
    workspace.output = workspace.snakemake("--cores", "2").stdout
    return workspace
