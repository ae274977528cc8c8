"""Networks that fail, and servers that deliver something else: the file is never accepted."""

import hashlib
import io
import shutil

import numpy as np
import pytest

from harness import CONFIG, WHOLE, FaultWorkspace
from workspace import SUPPORT


def array(images: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, images)
    return file.getvalue()


IMAGES = np.random.default_rng(0).integers(0, 256, (400, 64, 64), np.uint8)
BODY = array(IMAGES)
# the answers to successive requests: status, body, announced length
ANSWERS = {
    "network away mid-download": [(200, BODY[: len(BODY) // 2], len(BODY))],
    "network back at the second try": [(200, BODY[: len(BODY) // 2], len(BODY)), (200, BODY, None)],
    "body short": [(200, BODY[:-10], None)],
    "body wrong": [(200, array(IMAGES ^ 1), None)],
    "body long": [(200, BODY + b"x", None)],
    "error of the server": [(503, b"busy", None)],
}
SAMPLE = ("network away mid-download", "network back at the second try", "body wrong")


@pytest.mark.parametrize("fault", ANSWERS if WHOLE else SAMPLE)
def test_a_broken_download_is_refused_or_repeated(fault, serve, tmp_path):
    target, images = "resources/served/manifest.parquet", "resources/served/images/images.npy"
    workspace = FaultWorkspace(tmp_path / "work", config(serve(*ANSWERS[fault])))
    workspace.target, workspace.result = target, images
    shutil.copy(SUPPORT / "served.py", workspace.folder)

    def by_hand(line):
        target = workspace.folder / "resources/downloads/served.npy"
        assert f"at {target.relative_to(workspace.folder)}" in line
        assert not target.exists()
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(BODY)
        return workspace.run()

    workspace.judge(f"download: {fault}", workspace.run(), BODY, by_hand)


def config(url: str) -> dict:
    """A config with only that dataset."""
    params = {"url": url, "size": len(BODY), "sha256": hashlib.sha256(BODY).hexdigest()}
    data = [{"name": "served", "params": params}]
    return {**CONFIG, "datasets": data, "plugins": ["served.py"]}
