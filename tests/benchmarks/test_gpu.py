"""The GPU benchmark runs on small inputs without a GPU."""

import json
import sys

import pytest

from workspace import ROOT


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gpu")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", [str(ROOT / "benchmarks"), *sys.path])
        import gpu

        assert gpu.main(["--tiny", "--out", str(folder)]) == 0
    page = (folder / "gpu.md").read_text()
    return json.loads((folder / "gpu.json").read_text()), page


def test_every_section_comes_to_its_end(report):
    sections = report[0]["sections"]
    assert list(sections) == ["equality", "ranking", "extraction", "training", "cells"]
    for name, section in sections.items():
        assert section["rows"], name
        assert not {"error", "skipped"} & set(section), name


def test_checks_name_what_differs_by_how_much(report):
    checks = report[0]["sections"]["equality"]["rows"]
    assert {"counts by numba, 33 bits, 81 labels", "counts by torch, 64 bits, classes", "gradient, dsh, bank"} <= {
        row["check"] for row in checks
    }
    assert all(row["passed"] and row["difference"] <= row["allowed"] for row in checks)


def test_a_cell_has_its_protocol_and_curve(report):
    cell = report[0]["sections"]["cells"]["rows"][0]
    assert (cell["protocol"], cell["method"], cell["bits"]) == ("digits-300", "hashnet", 32)
    assert len(cell["validation mAP after each epoch"]) == cell["epochs"]
    assert "## cells" in report[1]
