"""What tests share: the optional data folder, and runs of the workflow."""

import http.server
import os
import shutil
import tarfile
import threading
from pathlib import Path

import pytest

import disks
from workspace import CONFIG, FINETUNED, ROOT, Workspace

LONGEST = ("test_slurm.py", "test_workflow.py")  # begun first, so that no worker is left alone with one at the end


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: item.path.name not in LONGEST)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """A folder with data that the repository does not hold: L2H_TEST_DATA, or ../shared/data beside the clone."""
    folder = Path(os.environ.get("L2H_TEST_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no data folder at {folder}; set L2H_TEST_DATA to one")
    return folder


@pytest.fixture(scope="session")
def finished(tmp_path_factory) -> Workspace:
    """A run to the end with two cores."""
    workspace = Workspace(tmp_path_factory.mktemp("two") / "work")
    workspace.output = workspace.snakemake("--cores", "2").stdout
    return workspace


@pytest.fixture(scope="session")
def alone(tmp_path_factory) -> Workspace:
    """The same run with one core, and without the method from outside the package."""
    workspace = Workspace(tmp_path_factory.mktemp("one") / "work")
    methods = [entry for entry in CONFIG["methods"] if entry["method"] != "toy"]
    workspace.configure({**CONFIG, "methods": methods, "plugins": []})
    workspace.snakemake("--cores", "1")
    return workspace


@pytest.fixture(scope="session")
def pretrained(tmp_path_factory, alone) -> Workspace:
    """A run from nothing but the bundles of another, an archive and a folder: two of its methods."""
    alone.snakemake("release", "--cores", "2")
    workspace = Workspace(tmp_path_factory.mktemp("pretrained") / "work")
    archives = {name: workspace.folder / f"{name}.tar" for name in CONFIG["datasets"]}
    for path in archives.values():
        shutil.copy(alone.folder / "results/tiny/release" / path.name, path)
    with tarfile.open(archives["digits"]) as file:
        file.extractall(workspace.folder / "digits", filter="data")
    methods = [entry for entry in CONFIG["methods"] if entry["method"] in ("itq", "hashnet")]
    workspace.bundles = {**CONFIG, "methods": methods, "plugins": [], "pretrained": ["digits", "digit_pairs.tar"]}
    workspace.configure(workspace.bundles)
    workspace.snakemake("--cores", "2")
    return workspace


@pytest.fixture(scope="session")
def finetuned(tmp_path_factory) -> Workspace:
    """A run with one method twice: a head on features, and end to end from images."""
    workspace = Workspace(tmp_path_factory.mktemp("finetuned") / "work")
    workspace.configure(FINETUNED)
    workspace.snakemake("--cores", "2")
    return workspace


@pytest.fixture
def small_disk(tmp_path):
    """A folder with room for 1 MiB."""
    with disks.small(tmp_path / "small", "1m") as folder:
        yield folder


@pytest.fixture
def read_only_disk(tmp_path):
    """A folder that nothing can be written to."""
    (tmp_path / "locked").mkdir()
    with disks.read_only(tmp_path / "locked") as folder:
        yield folder


@pytest.fixture
def serve():
    """From the answers to successive requests, (status, body, announced length), to an address."""
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
