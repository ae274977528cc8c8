"""What every method without gradient descent keeps; a new one of the registry needs no line here."""

import numpy as np
import pytest
from sklearn.utils.estimator_checks import check_estimator

from l2h import hashing
from l2h.errors import L2HError
from methods import SHALLOW, SUPERVISED

LENGTHS = {"hadamard_ridge": (8,), "itq_cca": (1,)}  # of three classes: enough bits for a centre each, and not too many


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
@pytest.mark.parametrize(("name", "bits"), [(name, bits) for name in SHALLOW for bits in LENGTHS.get(name, (1, 2))])
def test_scikit_learn_finds_no_fault(name, bits):
    check_estimator(hashing.make(name, bits=bits, random_state=0))


@pytest.mark.parametrize("name", SHALLOW)
def test_scores_have_the_precision_of_the_features(name, digits):
    X, y = digits
    double, single = (
        hashing.make(name, bits=8, random_state=0).fit(X[:300].astype(dtype), y[:300]) for dtype in (float, np.float32)
    )
    a, b = double.decision_function(X), single.decision_function(X.astype(np.float32))
    assert (a.dtype, b.dtype) == (np.float64, np.float32)
    assert ((a > 0) == (b > 0)).mean() > 0.99


@pytest.mark.parametrize("name", SHALLOW)
def test_a_common_shift_and_scale_of_features_changes_no_code(name, digits):
    X, y = digits
    plain = hashing.make(name, bits=8, random_state=0).fit(X[:300], y[:300])
    moved = hashing.make(name, bits=8, random_state=0).fit(X[:300] * 4 + 1, y[:300])
    assert (moved.transform(X * 4 + 1) == plain.transform(X)).mean() > 0.999  # rounding may turn a bit


@pytest.mark.parametrize("name", [name for name in SHALLOW if name in SUPERVISED])
def test_images_without_a_label_are_not_trained_on(name, digits):
    X, y = digits[0][:300], digits[1][:300]
    labels = np.eye(12, dtype=bool)[y]  # one label that no image has
    labels[:100, 11] = labels[:100, 3]  # and one of images that have another too
    labels[100:150] = False
    kept = labels.any(axis=1)
    one, other = (
        hashing.make(name, bits=8, random_state=0).fit(features, some)
        for features, some in ((X[kept], labels[kept]), (X, labels))
    )
    assert np.array_equal(one.decision_function(X), other.decision_function(X))
    for nothing in (np.zeros(300, int), np.zeros((300, 3), bool)):
        with pytest.raises(L2HError, match=r"needs training images of at least two classes, got [01]$"):
            hashing.make(name, bits=8).fit(X, nothing)
