"""The benchmarks run, and their contestants measure the same; what they took is nobody's business here."""

import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(
    ("name", "tables"), [("ranking", 2), ("scaling", 1), ("extraction", 2 if find_spec("timm") else 1)]
)
def test_a_quick_run_ends_in_tables(name, tables):
    command = [sys.executable, ROOT / "benchmarks" / f"{name}.py", "--quick", "--threads", "1"]
    done = subprocess.run(command, text=True, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert len(re.findall(r"^\|[:|-]+\|$", done.stdout, flags=re.MULTILINE)) == tables
    assert "1 threads" in done.stdout
