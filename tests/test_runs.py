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
