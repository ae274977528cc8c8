"""What stands beside the hashes: exact search, product quantisation, and a classifier's class as the code."""

import itertools

import faiss
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.utils.estimator_checks import check_estimator

from l2h import hashing
from l2h.errors import L2HError
from l2h.hashing.baselines.classifier import codewords
from l2h.hashing.scorer import Scorer
from l2h.metrics import average_precision
from l2h.ranking import rank_histogram
from l2h.store.models import read_model, write_model

SCORERS = ("cosine", "l2", "one_hot", "pq")


@pytest.fixture(scope="module")
def digits():
    data = load_digits()
    return data.data.astype(np.float32), data.target


@pytest.mark.parametrize("name", SCORERS)
def test_contract_of_scorers(name, digits, tmp_path):
    X, y = digits
    scorer = hashing.make(name, bits=16, random_state=0)
    assert scorer.fit(X[:300], y[:300]) is scorer
    scores = scorer.scores(X[:7], X[300:400])
    assert scores.shape == (7, 100)
    assert scores.dtype == np.float64
    parts = [scorer.scores(X[:7], X[start : start + 20]) for start in range(300, 400, 20)]
    assert np.allclose(np.concatenate(parts, axis=1), scores, rtol=1e-12)
    again = clone(scorer).fit(X[:300], y[:300])
    assert np.array_equal(again.scores(X[:7], X[300:400]), scores)
    scorer.save(tmp_path / "model", {"split": "abc"})
    loaded = hashing.load(tmp_path / "model")
    assert loaded.get_params() == scorer.get_params()
    assert np.array_equal(loaded.scores(X[:7], X[300:400]), scores)
    assert name not in hashing.available()  # it makes no codes


def test_exact_scores_are_the_textbook_s(digits):
    X, _ = digits
    queries, database = X[:5].astype(np.float64), np.concatenate([X[5:50], np.zeros((1, 64), np.float32)])
    cosine = hashing.make("cosine", bits=8).fit(X).scores(queries, database)
    l2 = hashing.make("l2", bits=8).fit(X).scores(queries, database)
    for i, q in enumerate(queries):
        assert cosine[i, -1] == 0  # the zero vector has no angle
        for j, x in enumerate(database[:-1].astype(np.float64)):
            assert cosine[i, j] == pytest.approx(q @ x / np.linalg.norm(q) / np.linalg.norm(x))
        distances = ((database - q) ** 2).sum(axis=1)
        assert l2[i] - l2[i, 0] == pytest.approx(distances[0] - distances)


@pytest.mark.parametrize("features", [64, 61])
def test_pq_is_faiss_s_with_asymmetric_distances(features, digits):
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


def test_pq_s_seed_decides(digits):
    X, _ = digits
    first, again, other = (hashing.make("pq", bits=8, random_state=seed).fit(X).centroids_ for seed in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_pq_s_mistakes_are_named(digits, tmp_path):
    with pytest.raises(L2HError, match="pq: bits must be a multiple of 8, because its codes are whole bytes, got 12"):
        hashing.make("pq", bits=12)
    with pytest.raises(L2HError, match="PQ needs at least 256 training images, got 255"):
        hashing.make("pq", bits=8).fit(digits[0][:255])
    hashing.make("pq", bits=16, random_state=0).fit(digits[0]).save(tmp_path / "model")
    description, arrays = read_model(tmp_path / "model")
    write_model(tmp_path / "model", {**description, "n_features_in": 65}, arrays)
    with pytest.raises(L2HError, match=r"centroids_ has the shape \(2, 256, 32\), \(2, 256, 33\) expected"):
        hashing.load(tmp_path / "model")


@pytest.mark.parametrize(
    ("bits", "n", "distance"),
    [(8, 10, 4), (8, 16, 4), (64, 81, 32), (4, 16, 1), (4, 10, 1), (8, 17, 3), (12, 10, 4), (12, 21, 4), (200, 10, 80)],
)
def test_codewords_are_distinct_and_far_apart(bits, n, distance):
    words = codewords(n, bits, np.random.RandomState(0))
    assert words.shape == (n, bits)
    assert set(np.unique(words)) == {-1, 1}
    nearest = min(int((a != b).sum()) for a, b in itertools.combinations(words, 2))
    assert nearest >= distance
    again = codewords(n, bits, np.random.RandomState(0))
    assert np.array_equal(words, again)


def test_the_classifier_s_code_is_its_class(digits):
    X, y = digits
    hasher = hashing.make("classifier", bits=16, random_state=0).fit(X[:1000], y[:1000])
    words = hasher.decision_function(X[1000:])
    distance = (words[:, None] != hasher.codewords_[None]).sum(axis=2)
    assert (distance.min(axis=1) == 0).all()
    assert (distance.argmin(axis=1) == y[1000:]).mean() > 0.9
    packed = hasher.transform(X)
    h = rank_histogram(packed[1400:], packed[1000:1400], y[1400:], y[1000:1400], bits=16)
    assert average_precision(h).mean() > 0.8


def test_the_classifier_predicts_the_most_probable_of_several_labels(digits):
    X, y = digits
    both = np.eye(12, dtype=bool)[y]
    both[:, 11] = y % 2 == 1  # odd, and never 10
    both[5] = False  # without a label
    hasher = hashing.make("classifier", bits=16, random_state=0).fit(X[:1000], both[:1000])
    assert hasher.codewords_.shape == (11, 16)
    predicted = (hasher.decision_function(X[1000:])[:, None] == hasher.codewords_[None]).all(axis=2).argmax(axis=1)
    classes = np.delete(np.arange(12), 10)[predicted]
    assert both[np.arange(1000, len(X)), classes].mean() > 0.85


def test_the_classifier_s_mistakes_are_named(digits):
    X, y = digits
    with pytest.raises(L2HError, match="10 classes need as many codewords, but 3 bits give 8; ask for at least 4 bits"):
        hashing.make("classifier", bits=3).fit(X, y)
    with pytest.raises(L2HError, match="at least two classes"):
        hashing.make("classifier", bits=3).fit(X, np.zeros(len(X), int))
    with pytest.raises(L2HError, match="classifier: C must be a number above 0, got 0"):
        hashing.make("classifier", bits=3, C=0)
    with pytest.raises(L2HError, match="target y is None: Classifier is supervised"):
        hashing.make("classifier", bits=8).fit(X)


def test_two_classes(digits):
    X, y = digits
    some = y < 2
    hasher = hashing.make("classifier", bits=1, random_state=0).fit(X[some], y[some])
    assert ((hasher.decision_function(X[some])[:, 0] < 0) == y[some]).mean() > 0.99


class TestOneHot:
    @pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
    def test_scikit_learn_finds_no_fault(self):
        check_estimator(hashing.make("one_hot", bits=8))

    def test_ranking_is_that_of_one_hot_codes_of_the_class_that_scikit_learn_predicts(self, digits):
        X, y = digits[0].astype(np.float64), digits[1]
        scorer = hashing.make("one_hot", bits=8).fit(X[:1000], y[:1000])
        centred = X - X[:1000].mean(axis=0)
        model = LogisticRegression(max_iter=200, tol=1e-3).fit(centred[:1000] / centred[:1000].std(), y[:1000])
        predicted = model.predict(centred / centred[:1000].std())
        words = np.eye(10)[predicted]
        distance = (words[1400:, None] != words[None, 1000:1400]).sum(axis=2)
        scores = scorer.scores(X[1400:], X[1000:1400])
        assert np.array_equal(2 - 2 * scores, distance)
        assert (predicted[1000:] == y[1000:]).mean() > 0.9

    @pytest.mark.parametrize(("classes", "bits"), [(2, 1), (3, 2), (4, 2), (5, 3), (8, 3), (9, 4), (10, 4)])
    def test_an_item_takes_as_many_bits_as_the_number_of_its_class(self, classes, bits, digits):
        X, y = digits
        some = y < classes
        for length in (8, 64):
            scorer = hashing.make("one_hot", bits=length).fit(X[some][:200], y[some][:200])
            assert scorer.item_bits(64 * 32) == bits
        assert hashing.make("l2", bits=0).item_bits(64 * 32) == 64 * 32
        assert hashing.make("pq", bits=16).item_bits(64 * 32) == 16

    def test_mistakes_are_named(self, digits, tmp_path):
        X, y = digits
        with pytest.raises(L2HError, match="at least two classes"):
            hashing.make("one_hot", bits=8).fit(X, np.zeros(len(X), int))
        with pytest.raises(L2HError, match="one_hot: C must be a number above 0, got -1"):
            hashing.make("one_hot", bits=8, C=-1)
        hashing.make("one_hot", bits=8).fit(X, y).save(tmp_path / "model")
        description, arrays = read_model(tmp_path / "model")
        write_model(tmp_path / "model", {**description, "n_features_in": 65}, arrays)
        with pytest.raises(L2HError, match=r"its arrays have the shapes \[\(64,\), \(64, 10\), \(10,\)\], "):
            hashing.load(tmp_path / "model")


def test_exact_search_has_one_result():
    bits, seeds = [8, 16], [3, 4]
    for name in ("cosine", "l2", "one_hot"):
        assert hashing.make(name, bits=8).lengths_and_seeds("d", "p", bits, seeds) == [(0, 3)]
    for name in ("pq", "classifier"):
        expected = [(8, 3), (8, 4), (16, 3), (16, 4)]
        assert hashing.make(name, bits=8).lengths_and_seeds("d", "p", bits, seeds) == expected


def test_a_plug_in_may_rank_by_scores_of_its_own(digits, tmp_path):
    @hashing.register("shifted")
    class Shifted(Scorer):
        learned = ("mean_",)

        def __init__(self, bits=8, *, random_state=None):
            self.bits = bits
            self.random_state = random_state

        def fit(self, X, y=None):
            self.mean_ = self.training_features(X).mean(axis=0)
            return self

        def scores(self, queries, database):
            return (self._checked(queries) - self.mean_).astype(np.float64) @ (self._checked(database) - self.mean_).T

    X, _ = digits
    scorer = hashing.make("shifted", bits=8).fit(X)
    scorer.save(tmp_path / "model")
    assert np.array_equal(hashing.load(tmp_path / "model").scores(X[:3], X), scorer.scores(X[:3], X))
