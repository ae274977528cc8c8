"""Shared fixtures: the optional data folder, and runs of the workflow."""

import http.server
import os
import sys
import threading
from contextlib import contextmanager

# one thread a worker, as two workers with two threads each get in each other's way; before anything is imported
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")

from pathlib import Path

import pytest
from filelock import FileLock

import disks
from l2h import backbones, charts, datasets, hashing, metrics, plugins
from workspace import ROOT, Workspace

# Begun in this order, before all other files, so that the workers share the long ones.
WORKFLOW = ("test_run.py", "test_slurm.py", "test_killed.py", "test_bundled.py", "test_rerun.py")
FIRST = (
    *WORKFLOW,
    "test_report.py",
    "test_fuzz.py",
    "test_properties_of_hashers.py",
    "test_finetuning.py",
    "test_ranking.py",
)


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: FIRST.index(item.path.name) if item.path.name in FIRST else len(FIRST))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """A folder with data that the repository does not hold: L2H_TEST_DATA, or ../shared/data beside the clone."""
    folder = Path(os.environ.get("L2H_TEST_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no data folder at {folder}; set L2H_TEST_DATA to one")
    return folder


@pytest.fixture(scope="session")
def finished(tmp_path_factory, request) -> Workspace:
    """A finished run, computed once for all workers. Tests that change it use `copied`."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if hasattr(request.config, "workerinput") else base) / "finished"
    with FileLock(f"{folder}.lock"):
        said = folder / "said"
        if not said.exists():
            if folder.exists():
                pytest.fail("the run that tests share has failed; see the first test that asked for it")
            said.parent.mkdir()
            output = Workspace(folder / "work").snakemake("--cores", "2").stdout
            said.write_text(output)
    workspace = Workspace(folder / "work")
    workspace.output = said.read_text()
    return workspace


@pytest.fixture(scope="module")
def copied(finished, tmp_path_factory) -> Workspace:
    """A copy of the finished run, which the tests of one file may change."""
    return finished.copy(tmp_path_factory.mktemp("copy") / "work")


@pytest.fixture
def small_disk(tmp_path):
    """A folder with room for 1 MiB."""
    with disks.small(tmp_path / "small", "1m") as folder:
        yield folder


@pytest.fixture
def read_only_disk(tmp_path):
    """A read-only folder."""
    (tmp_path / "locked").mkdir()
    with disks.read_only(tmp_path / "locked") as folder:
        yield folder


@contextmanager
def registries():
    """Restore the registries at the end."""
    packages = (backbones, charts, datasets, hashing, metrics)
    before = [dict(package.registry._targets) for package in packages]
    loaded = set(sys.modules)
    try:
        yield
    finally:
        for package, targets in zip(packages, before, strict=True):
            package.registry._targets = targets
        for name in [name for name in sys.modules if name.startswith(plugins.PREFIX) and name not in loaded]:
            del sys.modules[name]


@pytest.fixture
def own_plugins():
    """Plug-ins of one test."""
    with registries():
        yield


@pytest.fixture(autouse=True, scope="module")
def own_plugins_of_a_file():
    """Unregister the plug-ins that fixtures of one file load."""
    with registries():
        yield


@pytest.fixture
def serve():
    """A function from the answers to successive requests, (status, body, announced length), to a URL."""
    servers = []

    def start(*answers, name="file"):
        left = list(answers)

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                status, body, length = left.pop(0) if len(left) > 1 else left[0]
                self.send_response(status)
                self.send_header("Content-Length", str(length or len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}/{name}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()
