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
