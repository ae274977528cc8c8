"""A finished run, by its folder."""

import pytest

from l2h.errors import L2HError
from l2h.runs import description


def test_a_path_that_is_no_run_s_folder_is_one_line_with_the_cure(tmp_path):
    bundle = tmp_path / "digits"
    bundle.mkdir()
    (bundle / "manifest.json").write_text("{}")
    archive = tmp_path / "digits.tar"
    archive.write_bytes(b"")
    for path in (bundle, archive):
        with pytest.raises(L2HError, match=rf"{path} is a bundle, .* pretrained: \[{path}\]"):
            description.read(path)
    with pytest.raises(L2HError, match="there is no run quickstart; give a run's folder, as results/quickstart"):
        description.read("quickstart")
    (tmp_path / "my.yaml").touch()
    with pytest.raises(L2HError, match="there is no run .*my.yaml; give"):
        description.read(tmp_path / "my.yaml")
    with pytest.raises(L2HError, match="run.json does not exist; run it to its end"):
        description.read(tmp_path)
    description.write({"command": ""}, tmp_path / "tiny/run.json")
    with pytest.raises(L2HError, match=r"is no run, but holds some; give one of \S+/tiny$"):
        description.read(tmp_path)
    description.write({"command": ""}, tmp_path / "run.json")
    with pytest.raises(L2HError, match="does not say config, .* another version of l2h wrote it; run it to its end"):
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
def test_a_run_s_description_has_a_fixed_form(tmp_path, fact, value, place):
    description.write(FACTS, tmp_path / "run.json")
    assert FACTS.items() <= description.read(tmp_path).items()
    description.write({**FACTS, fact: value}, tmp_path / "run.json")
    with pytest.raises(L2HError) as caught:
        description.read(tmp_path)
    assert f"is not as l2h writes it, in {place!r}; run it to its end" in str(caught.value).replace("\\n", "?")
