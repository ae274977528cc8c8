"""Heads on features: what `fit` learns, from images and their mirrored copies, and its parameters."""

import numpy as np
import pytest

from l2h import hashing
from l2h.errors import L2HError
from l2h.hashing.deep.bihalf import BiHalfLoss
from l2h.hashing.deep.training import Trainer
from methods import CLASSES, DEEP, quick, refused

BATCH_NORM = sorted({"orthohash", "sdc"} | {name for name in DEEP if CLASSES[name].batch_norm})


@pytest.fixture(scope="module")
def digits(digits):
    X, y = digits
    return X[:300], y[:300]


@pytest.mark.parametrize("name", DEEP)
def test_a_hidden_layer_is_learned_saved_and_applied(name, digits, tmp_path):
    X, y = digits
    hasher = quick(name, bits=8, scope="mlp", hidden=16).fit(X, y)
    hidden = np.maximum((X - X.mean(axis=0)) @ hasher.hidden_projection_ + hasher.hidden_intercept_, 0)
    expected = hidden @ hasher.projection_ + hasher.intercept_
    assert hasher.hidden_projection_.shape == (64, 16)
    assert np.allclose(hasher.decision_function(X), expected, atol=1e-4)
    hasher.save(tmp_path / "model")
    assert np.array_equal(hashing.load(tmp_path / "model").transform(X), hasher.transform(X))


@pytest.mark.parametrize("scope", ["linear", "mlp"])
@pytest.mark.parametrize("name", ["dsh", *BATCH_NORM])
def test_what_is_learned_is_the_trained_head_with_scaling_and_batch_norm_folded_in(name, scope, digits, monkeypatch):
    X, y = digits
    outputs = []
    original = Trainer.train

    def train(self, *arguments, **options):
        head = original(self, *arguments, **options)
        outputs.append(head(self.inputs[0]).detach().numpy())
        return head

    monkeypatch.setattr(Trainer, "train", train)
    hasher = quick(name, bits=8, scope=scope, hidden=16, lr=1e-2).fit(X / 16, y)
    scores = hasher.decision_function(X / 16)
    assert np.allclose(scores, outputs[0], rtol=1e-6, atol=1e-6)
    if name in BATCH_NORM:  # it starts at mean 0, variance 1, and has the moments of all training images
        assert np.abs(scores.mean(axis=0)).max() < 0.2
        assert np.abs(scores.std(axis=0) - 1).max() < 0.2


@pytest.mark.parametrize("name", DEEP)
@pytest.mark.parametrize("n", [2, 3, 5])
def test_no_batch_is_too_small_for_a_pair(name, n, digits):
    X, y = digits
    hasher = quick(name, batch_size=2).fit(X[:n], y[:n])
    assert np.isfinite(hasher.projection_).all()


@pytest.mark.parametrize("name", DEEP)
def test_a_code_may_be_longer_than_the_features(name, digits):
    X, y = digits
    assert quick(name, bits=100).fit(X[:200], y[:200]).transform(X).shape == (300, 13)


def test_seeds_come_in_all_of_scikit_learn_s_forms(digits, tmp_path):
    X, y = digits
    expected = quick("dsh").fit(X[:60], y[:60])
    numpy_integers = quick("dsh", np.int64(12), np.int64(0)).fit(X[:60], y[:60])
    assert np.array_equal(numpy_integers.projection_, expected.projection_)
    numpy_integers.save(tmp_path / "model")
    assert hashing.load(tmp_path / "model").bits == 12
    generator = quick("dsh", seed=np.random.RandomState(0)).fit(X[:60], y[:60])
    assert np.array_equal(generator.projection_, expected.projection_)
    with pytest.raises(L2HError, match="cannot be saved with RandomState"):
        generator.save(tmp_path / "other")


def seen_in_training(monkeypatch, X, mirrored, **params):
    """The features that the loss of an unsupervised method saw, float (k, d), batch after batch."""
    seen = []
    original = BiHalfLoss.__call__

    def loss(self, outputs, features, rows, epoch):
        if outputs.requires_grad:  # not when the validation part is scored
            seen.append(features.numpy())
        return original(self, outputs, features, rows, epoch)

    monkeypatch.setattr(BiHalfLoss, "__call__", loss)
    quick("bihalf", **params).fit(X, mirrored=mirrored)
    return np.concatenate(seen)


def test_each_image_is_seen_mirrored_or_not_by_chance(monkeypatch):
    X = np.random.default_rng(0).normal(size=(60, 16)).astype(np.float32)
    X[:, 0] = np.arange(60)
    mirrored = X.copy()
    mirrored[:, 1:] += 100
    seen = seen_in_training(monkeypatch, X, mirrored, epochs=20, validation=0)
    turned = seen[:, 1] > 50
    assert 0.4 < turned.mean() < 0.6
    image = seen[:, 0].astype(int)
    assert np.array_equal(seen, np.where(turned[:, None], mirrored[image], X[image]))
    assert np.array_equal(np.bincount(image), np.full(60, 20))
    assert np.array_equal(np.unique(image[turned]), np.arange(60))


def test_no_mirrored_image_of_the_validation_part_is_trained_on(monkeypatch):
    X = np.random.default_rng(0).normal(size=(60, 16)).astype(np.float32)
    X[:, 0] = np.arange(60)
    seen = seen_in_training(monkeypatch, X, X, epochs=5, validation=0.2)
    assert len(np.unique(seen[:, 0])) == 48


def test_the_validation_part_is_scored_as_it_is(digits):
    """Whatever the mirrored images show, with a rate of nearly nothing the score is that of the head without them."""
    X, y = digits
    plain, flipped = (quick("dsh", lr=1e-12, validation=0.1) for _ in range(2))
    plain.fit(X, y)
    flipped.fit(X, y, mirrored=X[:, ::-1] * 5)
    scores = [hasher.selection_["curves"][0]["scores"] for hasher in (plain, flipped)]
    assert scores[0] == scores[1]


@pytest.mark.parametrize(
    ("flip", "mirrored", "message"),
    [
        (True, None, "flip must be true with features of mirrored images"),
        (False, np.ones((300, 64)), "flip must be .* got False"),
        (None, np.ones((299, 64)), "mirrored has features of 299 images, X of 300"),
        (None, np.ones((300, 63)), "63 features"),
    ],
)
def test_mirrored_images_that_do_not_fit(flip, mirrored, message, digits):
    with pytest.raises(ValueError, match=message):
        quick("hashnet", flip=flip).fit(*digits, mirrored=mirrored)


def test_wrong_values_are_one_clear_line():
    refused("dsh", "lr must be a number above 0, or several, got 'fast'", lr="fast")
    refused("dsh", ".*got '1e-3'; YAML reads it as text: write a point and a sign, as in 1.0e-3", lr="1e-3")
    refused("dsh", r".*got \(0.001, '1.5e4'\); YAML reads it as text", lr=[1e-3, "1.5e4"])
    refused("dsh", r"lr must be a number above 0, or several, got \(0.001, -1\)", lr=[1e-3, -1])
    refused("dsh", r"lr must be a number above 0, or several, got \(\)", lr=[])
    refused("dsh", "hidden must be a positive integer, or several, got 1.5", hidden=1.5)
    refused("dsh", "validation must be a share from 0 to 0.5, got 0.9", validation=0.9)
    refused("dsh", "validation must be above 0 to choose among several lr or heads, got 0", validation=0)
    refused("hashnet", "scope must be one of linear, mlp, auto, full, got 'fully'", scope="fully")
