"""Product quantisation against faiss."""

import faiss
import numpy as np
import pytest

from l2h import hashing
from l2h.errors import L2HError
from l2h.store.models import read_model, write_model
from methods import defaults


@pytest.mark.parametrize("features", [64, 61])
def test_codes_and_asymmetric_distances_are_those_of_faiss(features, digits):
    X = digits[0][:, :features]
    pq = hashing.make("pq", bits=32, random_state=0).fit(X[:1000])
    index = faiss.IndexPQ(64, 4, 8)  # 61 features are padded to 64
    faiss.copy_array_to_vector(pq.centroids_.ravel(), index.pq.centroids)
    index.is_trained = True
    padded = np.pad(X, ((0, 0), (0, 64 - features)))
    index.add(padded[1000:])
    assert np.array_equal(pq.encode(X[1000:]), faiss.vector_to_array(index.codes).reshape(-1, 4))
    distances, ids = index.search(padded[:9], len(X) - 1000)
    mine = np.take_along_axis(-pq.scores(X[:9], X[1000:]), ids, axis=1)
    assert mine == pytest.approx(distances, rel=1e-4, abs=1e-2)


def test_the_seed_decides(digits):
    X, _ = digits
    first, again, other = (hashing.make("pq", bits=8, random_state=seed).fit(X).centroids_ for seed in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_mistakes_are_named(digits, tmp_path):
    with pytest.raises(L2HError, match="^pq: bits must be a multiple of 8, because its codes are whole bytes, got 12"):
        hashing.make("pq", bits=12)
    with pytest.raises(L2HError, match="PQ needs at least 256 training images, got 255"):
        hashing.make("pq", bits=8).fit(digits[0][:255])
    hashing.make("pq", bits=16, random_state=0).fit(digits[0]).save(tmp_path / "model")
    description, arrays = read_model(tmp_path / "model")
    write_model(tmp_path / "model", {**description, "n_features_in": 65}, arrays)
    with pytest.raises(L2HError, match=r"centroids_ has the shape \(2, 256, 32\), \(2, 256, 33\) expected"):
        hashing.load(tmp_path / "model")


def test_defaults_are_those_of_the_results_in_the_docs():
    assert defaults("pq") == {"bits": 32, "random_state": None}
