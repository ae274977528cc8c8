"""Three findings about published methods, on small data."""

import re
from itertools import pairwise

import numpy as np
import pytest


def test_findings_end_in_tables(digits, run_inside, capsys):
    sizes = ("--images", 200, "--queries", 20, "--database", 300, "--epochs", 1, "--seeds", 1)
    run_inside("findings", digits, *sizes)
    printed = capsys.readouterr().out
    assert len(re.findall(r"^\|(?:-+:\|)+$", printed, flags=re.MULTILINE)) == 3
    csq = re.findall(r"^\| `first_rows` \| (\d+) \| (\d+) \| (\d+) \|", printed, flags=re.MULTILINE)
    assert csq == [("16", "16", "1"), ("64", "16", "4")]


def test_the_copied_rotation_of_itq_is_faiss_s_up_to_signs_and_raises_the_loss(load):
    findings = load("findings")
    rng = np.random.default_rng(0)
    projected = rng.normal(size=(500, 8)).astype(np.float32).astype(float) * np.linspace(3, 0.5, 8)
    projected = projected.astype(np.float32).astype(float)
    first = findings.random_rotation(8, np.random.RandomState(0))
    assert findings.by_faiss(projected, first, 0) == pytest.approx(first, abs=1e-6)

    u, _, wt = np.linalg.svd(np.where(projected @ first < 0, -1, 1).T @ projected)
    by_faiss = findings.by_faiss(projected, first, 1) @ u  # D W' D for some signs D of singular pairs
    signs = np.sign(by_faiss[0] * wt[0]) * np.sign(by_faiss[0, 0] * wt[0, 0])
    assert by_faiss == pytest.approx(np.outer(signs, signs) * wt, abs=1e-5)

    for update, falls in ((findings.procrustes, True), (findings.copied, False)):
        losses = [findings.loss(projected, rotation) for rotation in findings.rotations(projected, first, update)]
        assert all(after <= before + 1e-9 for before, after in pairwise(losses)) == falls
