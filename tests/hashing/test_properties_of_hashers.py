"""What every method that makes codes keeps; a new one of the registry needs no line here."""

import numpy as np
import pytest
import torch
from sklearn.base import clone

from l2h import codes, hashing
from methods import DEEP, HASHERS, MOST_BITS, SUPERVISED, precision, quick

FLOORS = {  # mean average precision on unseen digits at 16 bits; a broken method falls to the 0.1 of chance
    **{"bihalf": 0.45, "classifier": 0.8, "greedyhash_unsupervised": 0.45, "hadamard_ridge": 0.85, "itq": 0.5},
    **{"csq": 0.68, "dpn": 0.7, "dsh": 0.62, "hashnet": 0.7, "itq_cca": 0.6, "lsh": 0.3, "pca_rr": 0.4},
    **{"pca_sign": 0.35, "sdc": 0.5, "sdh": 0.85, "sh": 0.4},
}


@pytest.fixture(scope="module")
def fitted(digits):
    """A short training of each method on 300 digits, once; not to be changed."""
    X, y = digits
    found = {}
    return lambda name: found[name] if name in found else found.setdefault(name, quick(name).fit(X[:300], y[:300]))


@pytest.mark.parametrize("name", HASHERS)
def test_scores_and_codes_have_their_types_and_a_model_is_saved_and_loaded(name, digits, fitted, tmp_path):
    X, _ = digits
    hasher = fitted(name)
    scores = hasher.decision_function(X)
    packed = hasher.transform(X)
    assert scores.shape == (len(X), hasher.bits)
    assert scores.dtype == np.float32
    assert packed.dtype == np.uint8
    assert np.array_equal(packed, codes.pack(scores > 0))
    assert hasher.__sklearn_tags__().transformer_tags.preserves_dtype == []

    hasher.save(tmp_path / "model", {"split": "abc"})
    assert sorted(p.name for p in (tmp_path / "model").iterdir()) == ["model.json", "model.safetensors"]
    loaded = hashing.load(tmp_path / "model")
    assert type(loaded) is type(hasher)
    assert loaded.get_params() == hasher.get_params()
    assert np.array_equal(loaded.transform(X), packed)


@pytest.mark.parametrize("name", HASHERS)
def test_the_seed_decides_unless_the_method_is_deterministic(name, digits, fitted):
    X, y = digits
    hasher = quick(name)
    assert hasher.fit(X[:300], y[:300]) is hasher
    first = fitted(name).decision_function(X[:50])
    assert np.array_equal(hasher.decision_function(X[:50]), first)
    other = quick(name, seed=1).fit(X[:300], y[:300])
    assert np.allclose(other.decision_function(X[:50]), first, atol=1e-4) == other.deterministic
    assert clone(other).get_params() == other.get_params()


@pytest.mark.parametrize("name", HASHERS)
def test_training_leaves_global_generators_alone(name, digits):
    X, y = digits
    np.random.seed(5)
    torch.manual_seed(5)
    expected = np.random.random(), torch.rand(1).item()
    np.random.seed(5)
    torch.manual_seed(5)
    quick(name).fit(X[:60], y[:60])
    assert (np.random.random(), torch.rand(1).item()) == expected


@pytest.mark.parametrize("name", SUPERVISED)
def test_supervised_methods_want_labels_in_either_form(name, digits, fitted):
    X, y = digits
    classes = fitted(name).decision_function(X[:9])
    multi_hot = quick(name).fit(X[:300], np.eye(10, dtype=bool)[y[:300]]).decision_function(X[:9])
    assert np.allclose(classes, multi_hot, atol=1e-5)
    with pytest.raises(ValueError, match="target y is None"):
        quick(name).fit(X)
    with pytest.raises(ValueError, match="y has the shape"):
        quick(name).fit(X, y[:5])
    with pytest.raises(ValueError, match="it holds only 0 and 1; give classes as one dimension"):
        quick(name).fit(X, y[:, None])


@pytest.mark.parametrize("name", [name for name in HASHERS if name not in SUPERVISED])
def test_methods_without_labels_ignore_them(name, digits, fitted):
    X, _ = digits
    assert np.array_equal(quick(name).fit(X[:300]).transform(X[:50]), fitted(name).transform(X[:50]))


@pytest.mark.parametrize("name", HASHERS)
def test_unseen_digits_are_found(name, digits):
    X, y = digits
    params = {"lr": 1e-2, "epochs": 20 if name == "dsh" else 10} if name in DEEP else {}  # 64 pixels want larger steps
    hasher = quick(name, bits=16, **params).fit(X[:1000], y[:1000])
    assert precision(hasher, X, y) > FLOORS.get(name, 0.65 if name in SUPERVISED else 0.3)


@pytest.mark.parametrize("name", SUPERVISED)
def test_several_labels_are_learned(name, digit_pairs):
    """A database image is relevant if it shares a digit; a third of them are."""
    X, labels = digit_pairs
    params = {"lr": 1e-2, "epochs": 20, "scope": "mlp", "hidden": 64} if name in DEEP else {}
    hasher = quick(name, bits=16, **params).fit(X[:600], labels[:600])
    chance = (labels[700:].astype(int) @ labels[600:700].T > 0).mean()
    assert chance < 0.4
    assert precision(hasher, X, labels, slice(600, 700), slice(700, None)) > chance + 0.15


@pytest.mark.parametrize("name", SUPERVISED)
def test_images_without_labels_leave_no_nan(name, digits):
    X, y = digits
    labels = np.eye(10, dtype=bool)[y[:200]]
    labels[::3] = False
    params = {"batch_size": 4} if name in DEEP else {}
    assert np.isfinite(quick(name, **params).fit(X[:200], labels).decision_function(X)).all()


@pytest.fixture(scope="module")
def clusters():
    """Ten clusters with as many features as the longest codes need, not centred, float32 (400, 160), and classes."""
    rng = np.random.default_rng(0)
    y = np.arange(400) % 10
    X = rng.normal(size=(10, 160))[y] + 0.7 * rng.normal(size=(400, 160)) + 1
    return X.astype(np.float32), y


@pytest.mark.parametrize("bits", [8, 128])
@pytest.mark.parametrize("name", HASHERS)
def test_the_defaults_work_at_8_and_at_128_bits(name, bits, clusters):
    """Deep methods with fewer epochs, as time counts; lengths in between are tested in test_properties_of_losses."""
    X, y = clusters
    length = min(bits, MOST_BITS.get(name, bits))
    train, params = (100, {"epochs": 30 if bits == 8 else 5}) if name in DEEP else (200, {})
    hasher = hashing.make(name, bits=length, random_state=0, **params).fit(X[:train], y[:train])
    assert precision(hasher, X, y, slice(200, 300), slice(300, None)) > (0.6 if name in SUPERVISED else 0.3)
    share = (hasher.decision_function(X[200:]) > 0).mean(axis=0)
    constant = (share == 0) | (share == 1)
    assert not constant.any() or name == "classifier"  # its codewords are rows of a Hadamard matrix, which may be equal
