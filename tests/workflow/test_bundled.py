"""A run from only the bundles of another run gives its table; what the bundles lack is refused."""

import json
import re
import shutil
import tarfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from l2h.cli import main
from workspace import BACKBONE, CONFIG, FULL, HASHNET, Workspace, rows

METHODS = {"hashnet": HASHNET, "itq": "itq", "dsh-full": FULL}
BUNDLED = {
    **CONFIG,
    "datasets": ["digits", "digit_pairs"],
    "methods": list(METHODS.values()),
    "plugins": [],
    "pretrained": ["digits", "digit_pairs.tar"],
}


@pytest.fixture(scope="module")
def bundled(tmp_path_factory, copied) -> Workspace:
    """A run from an archive, and from a folder."""
    copied.snakemake("release", "--cores", "2")
    workspace = Workspace(tmp_path_factory.mktemp("bundled") / "work", BUNDLED)
    release = copied.folder / "results/tiny/release"
    shutil.copy(release / "digit_pairs.tar", workspace.folder)
    with tarfile.open(release / "digits.tar") as file:
        file.extractall(workspace.folder / "digits", filter="data")
    workspace.snakemake("--cores", "2")
    return workspace


def test_bundles_give_the_same_table(bundled, finished):
    assert rows(bundled.comparison()) == rows(finished.comparison(), seeds="1", variant="|".join(METHODS))
    page = (bundled.folder / "results/tiny/report.html").read_text()
    assert "Costs of each method" not in page
    assert page.count("No gallery: ") == 2


def test_nothing_is_trained_or_extracted(bundled):
    jobs = Counter(re.sub("unpack_.*", "unpack", job["rule"]) for job in bundled.jobs())
    made = {"dataset": 2, "unpack": 2, "encode": 4, "encode_images": 2, "rank": 6, "evaluate": 2}
    assert jobs == {**made, "audit": 2, "compare": 1, "report": 1}


def test_rules_declare_the_modules_that_their_jobs_import(bundled):
    for job in bundled.jobs():
        assert set(job["imported"]) <= set(job["declared"]), job["rule"]


def test_a_bundle_is_reproducible(bundled, copied):
    path = copied.folder / "results/tiny/release/digit_pairs.tar"
    path.unlink()
    copied.snakemake(path.relative_to(copied.folder), "--cores", "1")
    assert path.read_bytes() == (bundled.folder / "digit_pairs.tar").read_bytes()


def test_a_tampered_bundle_stops_the_run(bundled):
    bundle = bundled.folder / "digit_pairs.tar"
    whole = bundle.read_bytes()
    bundle.write_bytes(whole[:-5000] + bytes([whole[-5000] ^ 1]) + whole[-4999:])
    try:
        done = bundled.snakemake("--cores", "1", "--forceall", check=False)
    finally:
        bundle.write_bytes(whole)
    assert done.returncode != 0
    assert re.search(
        r"^error: digit_pairs.tar: splits/digit-pairs-200.parquet was changed or damaged", done.stderr, re.M
    )
    assert "Traceback" not in done.stderr


def test_search_uses_the_models_of_bundles(bundled, finished, tmp_path, monkeypatch, capsys):
    image, weights = tmp_path / "3.png", Path("resources/weights/alexnet-untrained-0.safetensors")
    Image.fromarray(np.load(finished.folder / "resources/digits/images/images.npy")[3]).save(image)

    def search(folder):
        monkeypatch.chdir(folder)
        words = ("--run", "results/tiny", "--dataset", "digits", "--method", "itq", "--json", str(image))
        return main(["search", *words]), *capsys.readouterr()

    assert f"{weights}, the weights of {BACKBONE}, does not exist" in search(bundled.folder)[2]
    (bundled.folder / weights).parent.mkdir()
    (bundled.folder / weights).write_bytes((finished.folder / weights).read_bytes())
    code, out, _ = search(bundled.folder)
    assert (code, out) == search(finished.folder)[:2]
    assert json.loads(out)["neighbours"][0]["distance"] == 0
