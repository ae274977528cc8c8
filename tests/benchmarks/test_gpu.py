"""The GPU benchmark runs on small inputs without a GPU."""

import importlib
import json
import sys

import pytest

from workspace import ROOT


@pytest.fixture(scope="module")
def gpu():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", [str(ROOT / "benchmarks"), *sys.path])
        return importlib.import_module("gpu")


@pytest.fixture(scope="module")
def report(gpu, tmp_path_factory):
    folder = tmp_path_factory.mktemp("gpu")
    assert gpu.main(["--tiny", "--out", str(folder)]) == 0
    return json.loads((folder / "gpu.json").read_text()), (folder / "gpu.md").read_text()


def test_every_section_finishes(report):
    sections = report[0]["sections"]
    assert list(sections) == ["equality", "ranking", "extraction", "training", "cells"]
    for name, section in sections.items():
        assert section["rows"], name
        assert not {"error", "skipped"} & set(section), name


def test_checks_name_each_difference_and_its_size(report):
    checks = report[0]["sections"]["equality"]["rows"]
    assert {"counts by numba, 33 bits, 81 labels", "counts by torch, 64 bits, classes", "gradient, dsh, bank"} <= {
        row["check"] for row in checks
    }
    assert all(row["passed"] and row["difference"] <= row["allowed"] for row in checks)


def test_a_cell_has_its_protocol_and_curve(report):
    cell = report[0]["sections"]["cells"]["rows"][0]
    assert (cell["protocol"], cell["method"], cell["bits"]) == ("digits-20", "hashnet", 32)
    assert len(cell["validation mAP after each epoch"]) == cell["epochs"]
    assert "## cells" in report[1]


def test_an_error_ends_its_section_alone(tmp_path, gpu, monkeypatch):
    def broken(sizes, run):
        yield {"what": "a row"}
        raise ValueError("no such thing\nand more")

    monkeypatch.setitem(gpu.SECTIONS, "equality", broken)
    assert gpu.main(["--tiny", "--only", "equality", "ranking", "--out", str(tmp_path)]) == 1
    sections = json.loads((tmp_path / "gpu.json").read_text())["sections"]
    assert sections["equality"]["rows"] == [{"what": "a row"}]
    assert sections["equality"]["error"] == "ValueError: no such thing"
    assert "error" not in sections["ranking"]
    assert "**error**: ValueError: no such thing" in (tmp_path / "gpu.md").read_text()


def test_sections_for_which_no_time_is_left_are_skipped(tmp_path, gpu):
    assert gpu.main(["--tiny", "--minutes", "0", "--only", "cells", "--out", str(tmp_path)]) == 0
    assert (
        json.loads((tmp_path / "gpu.json").read_text())["sections"]["cells"]["skipped"] == "no time left of 0.0 minutes"
    )
