"""An undisturbed run as reference, and the counts at the end."""

import os
from pathlib import Path

import pytest

import harness


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory):
    """An undisturbed run."""
    workspace = harness.FaultWorkspace(tmp_path_factory.mktemp("undisturbed") / "work")
    run = workspace.run()
    assert run.code == 0, run.text[-5000:]
    return workspace


def pytest_terminal_summary(terminalreporter):
    if harness.OUTCOMES:
        table = harness.OUTCOMES.table()
        terminalreporter.section(f"faults, seed {harness.SEED}")
        terminalreporter.write_line(table)
        if "L2H_FAULTS_TABLE" in os.environ:
            Path(os.environ["L2H_FAULTS_TABLE"]).write_text(table + "\n")
