"""The Triton counter on a CPU, by Triton's interpreter, against numpy."""

import os
import subprocess
import sys
from importlib.util import find_spec

import pytest

PROGRAM = """
import numpy as np, torch
from l2h import codes
from l2h.ranking import on_cuda, on_numpy, on_triton
from l2h.ranking.problem import lay_out

on_triton.BLOCK, on_triton.CHUNK = 64, 256
rng = np.random.default_rng(0)
for bits, multi_hot in ((1, True), (33, False), (64, True), (64, False), (130, True)):
    packed = [codes.pack(rng.random((n, bits)) < 0.5) for n in (3, 300)]
    labels = [rng.random((n, 81)) < 0.03 if multi_hot else rng.integers(0, 4, n) for n in (3, 300)]
    whole, _ = lay_out(*packed, *labels, bits)
    for problem in (whole, on_cuda.sample(whole)):
        same = np.array_equal(on_triton.count(problem, torch.device("cpu")), on_numpy.count(problem))
        print(bits, multi_hot, same)
"""


@pytest.mark.skipif(not find_spec("triton"), reason="triton is not installed")
def test_counts_match_numpy():
    """Several blocks and chunks, the last not full, in a separate process with Triton's interpreter."""
    environment = {**os.environ, "TRITON_INTERPRET": "1"}
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 10
    assert [line for line in lines if not line.endswith("True")] == []
