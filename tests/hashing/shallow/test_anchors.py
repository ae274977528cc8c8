"""Kernels on anchors, which SDH and Hadamard ridge share."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from l2h import hashing
from l2h.errors import L2HError
from l2h.hashing.shallow.anchors import AnchorHasher
from methods import CLASSES, SHALLOW, refused

ON_ANCHORS = [name for name in SHALLOW if issubclass(CLASSES[name], AnchorHasher)]


@pytest.mark.parametrize("name", ON_ANCHORS)
def test_scores_are_linear_in_gaussian_kernels_whose_width_follows_the_scale_of_features(name, digits):
    X, y = digits[0][:60], digits[1][:60]
    small, large = (hashing.make(name, bits=8, random_state=0, anchors=20).fit(one, y) for one in (X, X * 100))
    apart = cdist(small.anchors_, small.anchors_)
    assert small.width_ == pytest.approx(0.5 * np.median(apart[apart > 0]))
    kernels = np.exp(-(cdist(X, small.anchors_) ** 2) / (2 * small.width_**2))
    scores = small.decision_function(X)
    assert scores == pytest.approx(kernels @ small.projection_ + small.intercept_)
    assert large.decision_function(X * 100) == pytest.approx(scores, abs=1e-6)


@pytest.mark.parametrize("name", ON_ANCHORS)
def test_equal_features_have_no_kernel(name):
    with pytest.raises(L2HError, match="needs features that vary; all 6 anchors are equal"):
        hashing.make(name, bits=8).fit(np.ones((6, 3)), [0, 1] * 3)


@pytest.mark.parametrize("name", ON_ANCHORS)
def test_wrong_values_are_one_clear_line(name):
    refused(name, "anchors must be an integer from 2, got 1", anchors=1)
    refused(name, "width must be a number above 0, got 0.0", width=0.0)
