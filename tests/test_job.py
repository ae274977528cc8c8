"""The start of a job, in its own process."""

import json
import os
import re
import subprocess
import sys

import pytest

from l2h.job import THREAD_VARIABLES
from l2h.runs.failures import failures
from l2h.store.tables import read_metadata
from workspace import SUPPORT

THREADS = """
import json
from threadpoolctl import threadpool_info
from l2h.job import limit_threads
limit_threads(2)
import numba, numpy, torch
for count in (None, 3):
    if count:
        limit_threads(count)
    pools = [pool["num_threads"] for pool in threadpool_info()]
    print(json.dumps(pools + [torch.get_num_threads(), numba.config.NUMBA_NUM_THREADS]))
"""


def test_threads_follow_the_config_and_not_the_environment():
    """Requested before and after the imports."""
    environment = {**os.environ, **dict.fromkeys(THREAD_VARIABLES, "1")}
    command = [sys.executable, "-c", THREADS]
    done = subprocess.run(command, env=environment, check=True, text=True, capture_output=True)
    before, after = map(json.loads, done.stdout.splitlines())
    assert len(before) == len(after) >= 3
    assert (set(before), set(after)) == ({2}, {3})


@pytest.mark.parametrize(("kind", "on_screen"), [("L2HError", "error: bad value\n"), ("TypeError", "Traceback")])
def test_only_internal_errors_have_a_traceback(kind, on_screen, tmp_path):
    program = f"""
from types import SimpleNamespace
from l2h.errors import L2HError
from l2h.job import start
start(SimpleNamespace(log=[{str(tmp_path / "job.log")!r}], params={{}}, config={{"plugins": []}}, rule="r"))
raise {kind}("bad value")
"""
    done = subprocess.run([sys.executable, "-c", program], text=True, capture_output=True)
    assert done.returncode == 1
    assert done.stderr.startswith(on_screen)
    assert ("Traceback" in done.stderr) == (kind == "TypeError")
    log = (tmp_path / "job.log").read_text()
    assert "Traceback" in log
    assert "bad value" in log


CRASHING = """import numpy as np
from l2h import hashing
from l2h.hashing.base import LinearHasher


@hashing.register("mine")
class Mine(LinearHasher):
    def __init__(self, bits=8, *, random_state=None):
        self.bits, self.random_state = bits, random_state

    def fit(self, X, y=None):
        return self._learn(X)

    def _learn(self, X):
        return np.linalg.inv(X)
"""


def test_a_crash_of_a_plug_in_names_its_file_and_line(tmp_path):
    """The innermost line of the plug-in, not that of the library it calls; on the screen and at the end of the run."""
    (tmp_path / "mine.py").write_text(CRASHING)
    program = """
from types import SimpleNamespace
from l2h.job import start
start(SimpleNamespace(log=["train.log"], params={}, config={"plugins": ["mine.py"]}, rule="train"))
import numpy as np
from l2h import hashing
hashing.make("mine", bits=8).fit(np.ones((2, 3)))
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, text=True, capture_output=True)
    assert done.returncode == 1
    assert re.fullmatch(r"error: mine.py, line 15: LinAlgError: .*; the traceback is in the job's log\n", done.stderr)
    log = (tmp_path / "train.log").read_text()
    assert "Traceback" in log
    assert "return self._learn(X)" in log
    (tmp_path / "run.log").write_text(f"Error in rule train:\n    log: {tmp_path}/train.log (check)\n")
    (summary,) = failures([tmp_path / "run.log"])
    assert re.fullmatch(rf"train: mine.py, line 15: [\w.]*LinAlgError: .* \({tmp_path}/train.log\)", summary)


def test_a_missing_package_names_its_extra(tmp_path):
    program = """
from types import SimpleNamespace
from l2h.job import start
start(SimpleNamespace(log=["fit.log"], params={}, config={"plugins": []}, rule="fit"))
raise ModuleNotFoundError("No module named 'torch.nn'", name="torch.nn")
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, text=True, capture_output=True)
    line = "the package torch is not installed; run: pip install 'l2h[deep]'"
    assert (done.returncode, done.stderr) == (1, f"error: {line}\n")
    (tmp_path / "run.log").write_text(f"Error in rule fit:\n    log: {tmp_path}/fit.log (check)\n")
    assert failures([tmp_path / "run.log"]) == [f"fit: {line} ({tmp_path}/fit.log)"]


def test_lines_on_the_screen_name_their_cell(tmp_path):
    program = f"""
import logging
from types import SimpleNamespace as Some
from l2h.job import start
cell = Some(dataset="digits", protocol="p", backbone="b", variant="dsh-paper", bits="16", seed="0")
start(Some(log=[{str(tmp_path / "job.log")!r}], params={{}}, config={{"plugins": []}}, rule="train", wildcards=cell))
logging.getLogger("l2h").info("training: 60 of 60 epochs")
"""
    done = subprocess.run([sys.executable, "-c", program], text=True, capture_output=True, check=True)
    assert done.stderr == "digits, dsh-paper, 16 bits, seed 0: training: 60 of 60 epochs\n"
    assert "INFO training: 60 of 60 epochs" in (tmp_path / "job.log").read_text()


def test_an_unwritable_log_does_not_hide_the_error():
    """Like a full disk: every write to /dev/full fails."""
    program = """
from types import SimpleNamespace
from l2h.errors import L2HError
from l2h.job import start
start(SimpleNamespace(log=["/dev/full"], params={}, config={"plugins": []}, rule="r"))
raise L2HError("no room; make some")
"""
    done = subprocess.run([sys.executable, "-c", program], text=True, capture_output=True)
    assert done.returncode == 1
    assert done.stderr == "error: no room; make some\n"


def test_written_files_record_rule_and_code(tmp_path):
    params = {"code": {"l2h.b": "1", "l2h.a": "2"}, "bits": 8}
    program = f"""
from types import SimpleNamespace
from l2h.job import start
start(SimpleNamespace(log=[{str(tmp_path / "job.log")!r}], params={params}, config={{"plugins": []}}, rule="train"))
import numpy as np
from l2h.store.codes import write_codes
from l2h.store.models import write_model
from l2h.store.tables import read_metadata
batch = np.arange(2), np.zeros((2, 1), np.uint8)
write_codes({str(tmp_path / "c.parquet")!r}, [batch], {{"bits": "8", "rule": "x"}})
write_model({str(tmp_path / "model")!r}, {{"method": "m"}}, {{}})
"""
    subprocess.run([sys.executable, "-c", program], check=True)
    made_by = {"rule": "train", "code": json.dumps({"l2h.a": "2", "l2h.b": "1"})}
    assert read_metadata(tmp_path / "c.parquet") == {"bits": "8", **made_by}
    told = json.loads((tmp_path / "model/model.json").read_text())
    assert told == {"method": "m", "made_by": made_by, "sha256": told["sha256"]}


def test_a_job_loads_the_plug_ins_that_it_depends_on(tmp_path):
    (tmp_path / "other.py").write_text("raise SystemExit('not for this job')")
    program = f"""
from types import SimpleNamespace
from l2h.job import start
config = {{"plugins": [{str(SUPPORT / "toy_metric.py")!r}, "other.py"]}}
code = {{"l2h.metrics": "5a", "l2h_plugin_toy_metric": "5a"}}
start(SimpleNamespace(log=["metrics.log"], params={{"code": code}}, config=config, rule="metrics"))
from l2h import metrics
print(*metrics.registered())
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, text=True, capture_output=True, check=True)
    assert done.stdout.split()[-2:] == ["nothing_chosen", "r_precision"]
