"""Cells whose method cannot be trained: their files hold the reason, and other cells run."""

import numpy as np
import pandas as pd
import pytest

from l2h import hashing
from l2h.errors import L2HError
from l2h.report import comparison
from l2h.splits import Protocol, make_split
from l2h.store import not_run
from l2h.store.cells import cell_keys, cells_not_run
from l2h.store.codes import read_codes, write_codes
from l2h.store.manifests import read_manifest, write_manifest
from l2h.store.splits import write_split
from workspace import run_script

KEY = {"dataset": "d", "protocol": "p", "backbone": "b", "weights": "w", "variant": "v", "method": "lsh"}
KEY |= {"scope": "shallow", "bits": "8", "seed": "0"}


@pytest.fixture
def absent(tmp_path):
    """A model and codes that were not computed."""
    paths = [str(tmp_path / "model"), str(tmp_path / "codes.parquet")]
    not_run.mark(paths, "too few images", KEY)
    return paths


def test_the_reason_and_the_cell_are_read_from_each_file(absent):
    assert [not_run.find(path) for path in absent] == [{"not_run": "too few images", **KEY}] * 2


def test_readers_refuse_a_not_run_file(absent):
    model, codes = absent
    with pytest.raises(L2HError, match="model is not a model that this version can use"):
        hashing.load(model)
    with pytest.raises(L2HError, match="codes.parquet"):
        read_codes(codes, np.arange(3))


def test_other_files_have_no_reason(tmp_path):
    whole = tmp_path / "codes.parquet"
    write_codes(whole, [(np.arange(3), np.zeros((3, 1), np.uint8))], {**KEY})
    (tmp_path / "damaged.parquet").write_bytes(b"PAR1")
    paths = [str(whole), str(tmp_path / "damaged.parquet"), str(tmp_path / "none.parquet")]
    assert not_run.split_off(paths) == (paths, [])


def test_later_jobs_pass_the_reason_on(absent, tmp_path):
    hashes = [number.to_bytes(32, "big") for number in range(9)]
    write_manifest(tmp_path / "manifest.parquet", hashes, [[row % 2] for row in range(9)], ["x"] * 9)
    split = make_split(read_manifest(tmp_path / "manifest.parquet"), "p", Protocol(query=2, train=2), 0)
    write_split(tmp_path / "split.parquet", split)
    ranking = {"database": "histograms.parquet", "unseen": "histograms_unseen.parquet"}
    files = {"split": "split.parquet", "codes": [absent[1]]}
    run_script(tmp_path, "rank", input=files, output=ranking, params={"how": {}})
    output = {"metrics": "metrics.parquet", "queries": "queries.parquet"}
    rankings = {name: [path] for name, path in ranking.items()}
    run_script(tmp_path, "evaluate", input={**files, **rankings, "models": [absent[0]]}, output=output)
    for name in (*ranking.values(), *output.values()):
        assert cells_not_run(tmp_path / name) == [{"not_run": "too few images", **KEY}]
        assert cell_keys(tmp_path / name) == []


def test_seeds_of_a_cell_not_run_are_one_row():
    other = {**KEY, "seed": "1", "not_run": "too few images"}
    with pytest.raises(L2HError, match="nothing could be run: too few images$"):
        comparison.compare([], {}, [{**KEY, "not_run": "too few images"}, other])


def test_a_line_names_what_was_not_run():
    rows = pd.DataFrame(
        [
            {**KEY, "bits": 8, "seeds": 3, "not_run": ""},
            {**KEY, "bits": 16, "seeds": 0, "not_run": "why"},
            {"dataset": "far", "protocol": "q", "seeds": 0, "not_run": "get it"},
        ]
    ).astype({"bits": "Int64"})
    assert comparison.split_off(rows)[1] == ["d (p, b): v at 16 bits: why", "far (q): get it"]
