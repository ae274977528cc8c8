"""Finished files that are truncated, emptied, or have one bit flipped, read again by the next step."""

import os
import re
import shutil
from pathlib import Path

import pytest

from harness import WHOLE, chance

SETTING = "results/tiny/digits/digits-300/alexnet-pool5"
HASHNET, ITQ, LSH = (f"{SETTING}/{name}/8bits-seed0" for name in ("hashnet", "itq", "lsh"))
REPORT = "results/tiny/report.html"
# Each kind of file: where it is, and the rule that reads it, which is made to run again. (Bundles and checkpoints have
# their own tests, in test_bundles.py and test_finetuning.py.)
ARTEFACTS = {
    "manifest": ("resources/digits/manifest.parquet", "split"),
    "images": ("resources/digits/images/images.npy", "features"),
    "split": ("resources/digits/splits/digits-300.parquet", "rank"),
    "near copies": ("resources/digits/splits/digits-300.near_copies.parquet", "gallery"),
    "weights": ("resources/weights/*.safetensors", "features"),
    "features": ("resources/digits/features/*-cpu[0-9].parquet", "train"),
    "mirrored features": ("resources/digits/features/*-mirrored-*.parquet", "train"),
    "model.json": (f"{ITQ}/model/model.json", "audit"),
    "model.safetensors": (f"{HASHNET}/model/model.safetensors", "audit"),
    "training": (f"{HASHNET}/training.parquet", "costs"),
    "codes": (f"{LSH}/codes.parquet", "rank"),
    "histograms": (f"{SETTING}/lsh/histograms.parquet", "evaluate"),
    "relevance": (f"{SETTING}/cosine/relevance.parquet", "evaluate"),
    "queries": (f"{SETTING}/queries.parquet", "compare"),
    "metrics": (f"{SETTING}/metrics.parquet", "compare"),
    "comparison": ("results/tiny/comparison.parquet", "report"),
    "differences": ("results/tiny/differences.parquet", "report"),
    "audit": (f"{SETTING}/audit.parquet", "report"),
    "costs": (f"{SETTING}/costs.parquet", "report"),
    "gallery": (f"{SETTING}/gallery.json", "report"),
}
SAMPLE = ("images", "split", "features", "model.json", "metrics")  # one of each format
KINDS = ("cut short", "emptied", "a bit flipped", "a bit flipped, and its time changed")
CASES = [(name, kind) for name in ARTEFACTS for kind in KINDS]
if not WHOLE:
    CASES = [(name, KINDS[number % len(KINDS)]) for number, name in enumerate(SAMPLE, 1)]


def damage(path: Path, kind: str) -> None:
    """Damage a file without changing its modification time, unless the kind says so."""
    whole, status = path.read_bytes(), path.stat()
    if kind == "emptied":
        content = b""
    elif kind == "cut short":
        content = whole[: chance(path.name, kind).randrange(1, len(whole))]
    else:
        bit = chance(path.name, kind).randrange(8 * len(whole))
        flipped = bytearray(whole)
        flipped[bit // 8] ^= 1 << bit % 8
        content = bytes(flipped)
    path.unlink()  # it may be linked elsewhere
    path.write_bytes(content)
    if "time" not in kind:
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


@pytest.fixture(scope="module")
def reported(undisturbed, tmp_path_factory):
    """The undisturbed run with its report."""
    workspace = undisturbed.copy(tmp_path_factory.mktemp("reported") / "work")
    workspace.target = REPORT
    run = workspace.run()
    assert run.code == 0, run.text[-5000:]
    return workspace


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_a_damaged_file_is_refused_or_harmless(name, kind, request, tmp_path):
    pattern, reader = ARTEFACTS[name]
    undisturbed = request.getfixturevalue(
        "reported" if reader in ("audit", "costs", "gallery", "report") else "undisturbed"
    )
    workspace = undisturbed.copy(tmp_path / "work")
    workspace.target = undisturbed.target
    (path,) = workspace.folder.glob(pattern)
    damage(path, kind)

    def follow(line: str):
        """Delete the named file, and run the same command again."""
        told = re.search(r"delete (?!it\b)(\S+) and run", line) or re.search(r"^(\S+?):? ", line)
        named = workspace.folder / told[1]
        assert named in (path, *path.parents), line
        shutil.rmtree(named) if named.is_dir() else named.unlink()
        return workspace.run()

    workspace.judge(f"file {kind}", workspace.run("--forcerun", reader), undisturbed.table(), follow)
