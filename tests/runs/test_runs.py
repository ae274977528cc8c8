"""A finished run, by its folder."""

import numpy as np
import pytest

from l2h import paths
from l2h.errors import L2HError
from l2h.runs import Run, description
from l2h.store.results import write_queries


def test_a_path_that_is_not_a_run_is_one_line_with_the_fix(tmp_path):
    bundle = tmp_path / "digits"
    bundle.mkdir()
    (bundle / "manifest.json").write_text("{}")
    archive = tmp_path / "digits.tar"
    archive.write_bytes(b"")
    for path in (bundle, archive):
        with pytest.raises(L2HError, match=rf"{path} is a bundle, .* pretrained: \[{path}\]"):
            description.read(path)
    with pytest.raises(L2HError, match="there is no run quickstart; give a run's folder, such as results/quickstart"):
        description.read("quickstart")
    (tmp_path / "my.yaml").touch()
    with pytest.raises(L2HError, match="there is no run .*my.yaml; give"):
        description.read(tmp_path / "my.yaml")
    with pytest.raises(L2HError, match="run.json does not exist; finish the run"):
        description.read(tmp_path)
    description.write({"command": ""}, tmp_path / "tiny/run.json")
    with pytest.raises(L2HError, match=r"is not a run, but contains runs; give one of \S+/tiny$"):
        description.read(tmp_path)
    description.write({"command": ""}, tmp_path / "run.json")
    with pytest.raises(L2HError, match="lacks config, .* another version of l2h wrote it; finish the run"):
        description.read(tmp_path)


SPLIT = {"seed": 0, "sha256": "", "query": 1, "train": 1, "database": 1}
FACTS = {
    **dict.fromkeys(("command", "config", "system"), ""),
    **{key: ["x"] for key in ("processors", "supervised", "deterministic")},
    **{key: {"x": "y"} for key in ("versions", "metrics", "weights")},
    "splits": {"digits/digits-300": SPLIT},
    "times": [{"rule": "fit", "jobs": 2, "wall": 1.5, "processor": 1, "memory": 0}],
    "settings": {"bits": [8], "seeds": [0], "threads": {"features": 1}},
    "homes": {"digits": "resources/bundles/x"},
}


@pytest.mark.parametrize(
    ("fact", "value", "place"),
    [
        ("command", 5, "command"),
        ("processors", "x", "processors"),
        ("versions", {"l2h": 1}, "versions l2h"),
        ("splits", {"../../x/p": SPLIT}, "splits ../../x/p [key]"),
        ("splits", {"a/b\n": SPLIT}, "splits a/b? [key]"),
        ("splits", {"a/b": {**SPLIT, "query": True}}, "splits a/b query"),
        ("splits", {"a/b": {**SPLIT, "notes": [{"what": "x"}]}}, "splits a/b notes 0 count"),
        ("times", [{"rule": "fit"}], "times 0 jobs"),
        ("settings", {"bits": [8], "seeds": [0], "threads": {"features": 10**9}}, "settings threads features"),
        ("settings", {"bits": [-8], "seeds": [0], "threads": {"features": 1}}, "settings bits 0"),
        ("homes", {"digits": "/etc"}, "homes digits"),
        ("homes", {"digits": "resources/.."}, "homes digits"),
        ("weights", {"alexnet-pool5": None}, "weights alexnet-pool5"),
    ],
)
def test_an_invalid_description_is_refused(tmp_path, fact, value, place):
    description.write(FACTS, tmp_path / "run.json")
    assert FACTS.items() <= description.read(tmp_path).items()
    description.write({**FACTS, fact: value}, tmp_path / "run.json")
    with pytest.raises(L2HError) as caught:
        description.read(tmp_path)
    assert f"is invalid at {place!r}; finish the run" in str(caught.value).replace("\\n", "?")


def test_cells_without_a_set_length_are_found(tmp_path):
    setting = {"dataset": "digits", "protocol": "p", "backbone": "b"}
    queries = {"query_id": np.arange(2), "average_precision": np.ones(2), "average_precision_unseen": np.ones(2)}
    cells = [("one_hot", "baseline", 4, 0), ("cosine", "exact", 128, 0), ("classifier", "baseline", 4, 4)]
    keys = [
        {**setting, "weights": "w", "variant": name, "method": name, "scope": scope, "bits": bits, "seed": 0}
        for name, scope, bits, _ in cells
    ]
    write_queries(tmp_path / paths.QUERIES.format(**setting), [(key, queries) for key in keys], [])
    for key, (*_, bits) in zip(keys, cells, strict=True):
        (tmp_path / paths.CELL.format(**{**key, "bits": bits})).mkdir(parents=True)
    found = Run(tmp_path).cells
    assert [(cell["variant"], cell["bits"]) for cell in found] == [(name, bits) for name, *_, bits in cells]
    assert all(cell["folder"].is_dir() for cell in found)
