"""What a job does before it computes, in a process of its own."""

import json
import os
import subprocess
import sys

import pytest

from l2h.job import THREAD_VARIABLES

BEFORE = "from l2h.job import limit_threads; limit_threads(2); import numba, numpy, torch"
AFTER = "import numba, numpy, torch; from l2h.job import limit_threads; limit_threads(2)"
COUNT = """
import json
from threadpoolctl import threadpool_info
pools = [pool["num_threads"] for pool in threadpool_info()]
print(json.dumps(pools + [torch.get_num_threads(), numba.config.NUMBA_NUM_THREADS]))
"""


@pytest.mark.parametrize("when", [BEFORE, AFTER], ids=["before imports", "after imports"])
def test_threads_are_what_is_asked_for_whatever_the_environment_says(when):
    environment = {**os.environ, **dict.fromkeys(THREAD_VARIABLES, "1")}
    done = subprocess.run(
        [sys.executable, "-c", when + COUNT], env=environment, check=True, text=True, capture_output=True
    )
    threads = json.loads(done.stdout)
    assert len(threads) >= 3
    assert set(threads) == {2}


@pytest.mark.parametrize(("kind", "on_screen"), [("L2HError", "error: bad value\n"), ("TypeError", "Traceback")])
def test_the_user_s_errors_are_one_line_and_ours_have_a_traceback(kind, on_screen, tmp_path):
    program = f"""
from types import SimpleNamespace
from l2h.errors import L2HError
from l2h.job import start
start(SimpleNamespace(log=[{str(tmp_path / "job.log")!r}], params={{}}, config={{"plugins": []}}))
raise {kind}("bad value")
"""
    done = subprocess.run([sys.executable, "-c", program], text=True, capture_output=True)
    assert done.returncode == 1
    assert done.stderr.startswith(on_screen)
    assert ("Traceback" in done.stderr) == (kind == "TypeError")
    log = (tmp_path / "job.log").read_text()
    assert "Traceback" in log
    assert "bad value" in log
