"""Shallow methods against their formulas: values worked out by hand, and plain reference computations."""

import numpy as np
import pytest
from scipy.linalg import eigh, orthogonal_procrustes
from scipy.spatial.distance import cdist
from sklearn.datasets import load_digits
from sklearn.utils.estimator_checks import check_estimator

from l2h import hashing
from l2h.errors import L2HError
from l2h.hashing.centres import class_centres
from l2h.hashing.shallow.itq_cca import correlated_directions
from l2h.hashing.shallow.rotation import learned_rotation
from l2h.hashing.shallow.sdh import label_weights, update_bits
from l2h.metrics import average_precision
from l2h.ranking import rank_histogram

SUPERVISED = ("hadamard_ridge", "itq_cca", "sdh")
METHODS = (*SUPERVISED, "pca_rr", "pca_sign")


@pytest.fixture(scope="module")
def digits():
    data = load_digits()
    return data.data.astype(np.float64), data.target


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
@pytest.mark.parametrize("name", METHODS)
def test_scikit_learn_finds_no_fault(name):
    check_estimator(hashing.make(name, bits=8 if name == "hadamard_ridge" else 1, random_state=0))


@pytest.mark.parametrize("name", METHODS)
def test_the_seed_decides_unless_the_method_is_deterministic(name, digits):
    X, y = digits
    first, other = (hashing.make(name, bits=8, random_state=seed).fit(X[:200], y[:200]) for seed in (0, 1))
    same = np.array_equal(first.decision_function(X), other.decision_function(X))
    assert same == hashing.registry.get(name).deterministic


@pytest.mark.parametrize("name", METHODS)
def test_scores_have_the_precision_of_the_features(name, digits):
    X, y = digits
    double, single = (
        hashing.make(name, bits=8, random_state=0).fit(X[:300].astype(dtype), y[:300]) for dtype in (float, np.float32)
    )
    a, b = double.decision_function(X), single.decision_function(X.astype(np.float32))
    assert (a.dtype, b.dtype) == (np.float64, np.float32)
    assert ((a > 0) == (b > 0)).mean() > 0.99


@pytest.mark.parametrize("name", SUPERVISED)
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


class TestPrincipalComponents:
    def test_scores_are_those_of_the_singular_value_decomposition(self, digits):
        X, _ = digits
        pca = hashing.make("pca_sign", bits=16).fit(X)
        centred = X - X.mean(axis=0)
        components = np.linalg.svd(centred, full_matrices=False)[2][:16].T
        components *= np.sign(components[abs(components).argmax(axis=0), range(16)])
        assert np.allclose(pca.projection_, components, atol=1e-8)
        assert np.allclose(pca.decision_function(X), centred @ components, atol=1e-6)

    @pytest.mark.parametrize("bits", [1, 63, 64])
    def test_the_largest_entry_of_a_component_is_positive(self, bits, digits):
        projection = hashing.make("pca_sign", bits=bits).fit(digits[0]).projection_
        assert (projection[abs(projection).argmax(axis=0), range(bits)] > 0).all()

    def test_rotation_keeps_distances_and_spreads_the_variance(self, digits):
        X, _ = digits
        plain, turned = (hashing.make(name, bits=16, random_state=0).fit(X) for name in ("pca_sign", "pca_rr"))
        rotation = plain.projection_.T @ turned.projection_
        assert np.allclose(rotation.T @ rotation, np.eye(16))
        a, b = (one.decision_function(X) for one in (plain, turned))
        assert np.allclose(np.linalg.norm(a[:50] - a[50:100], axis=1), np.linalg.norm(b[:50] - b[50:100], axis=1))
        assert np.ptp(a.var(axis=0)) > 1.5 * np.ptp(b.var(axis=0))

    def test_itq_s_first_iteration_starts_from_pca_rr(self, digits):
        X, _ = digits
        components = hashing.make("pca_sign", bits=8).fit(X)
        start = hashing.make("pca_rr", bits=8, random_state=3).fit(X)
        itq = hashing.make("itq", bits=8, random_state=3, n_iter=1).fit(X)
        signs = np.where(start.decision_function(X) > 0, 1, -1)
        rotation, _ = orthogonal_procrustes(components.decision_function(X), signs)
        assert np.allclose(itq.projection_, components.projection_ @ rotation, atol=1e-8)

    def test_no_iteration_of_itq_raises_its_loss(self, digits):
        projected = hashing.make("pca_sign", bits=8).fit(digits[0]).decision_function(digits[0])
        losses = []
        for iterations in range(8):
            rotated = projected @ learned_rotation(projected, iterations, np.random.RandomState(0))
            losses.append(np.sum((np.abs(rotated) - 1) ** 2))
        assert (np.diff(losses) < 0).all()

    @pytest.mark.parametrize(("name", "words"), [("pca_sign", "PCA-sign"), ("pca_rr", "PCA-RR"), ("itq", "ITQ")])
    def test_n_samples_have_n_minus_one_components(self, name, words, digits):
        X, _ = digits
        assert hashing.make(name, bits=8).fit(X[:9]).projection_.shape == (64, 8)
        said = f"{words} of 8 bits needs at least 8 features and 9 samples, got n_features=64 and n_samples=8; use"
        with pytest.raises(L2HError, match=said):
            hashing.make(name, bits=8).fit(X[:8])
        with pytest.raises(L2HError, match="n_features=64 and n_samples=1797; use fewer bits"):
            hashing.make(name, bits=65).fit(X)


class TestITQCCA:
    @pytest.fixture
    def centred(self, digits):
        """Features and labels without their means."""
        X, y = digits
        return X - X.mean(axis=0), np.eye(10)[y] - np.eye(10)[y].mean(axis=0)

    def test_directions_solve_the_eigenproblem_of_the_paper(self, centred):
        X, Y = centred
        found = correlated_directions(X, Y, ridge=0.1)
        metric = X.T @ X + 0.1 * np.trace(X.T @ X) / 64 * np.eye(64)
        squares, directions = eigh(X.T @ Y @ np.linalg.pinv(Y.T @ Y, rcond=1e-9) @ Y.T @ X, metric)
        squares, directions = squares[:-10:-1], directions[:, :-10:-1]
        assert ((squares > 0) & (squares < 1)).all()
        signs = np.sign((found * directions).sum(axis=0))
        assert np.allclose(found, directions * np.sqrt(squares) * signs, atol=1e-8)

    def test_correlations_are_the_cosines_between_the_spaces_of_features_and_labels(self, centred):
        X, Y = centred
        found = X @ correlated_directions(X, Y, ridge=1e-12)
        spaces = [u[:, s > 1e-8] for u, s, _ in (np.linalg.svd(one, full_matrices=False) for one in (X, Y))]
        cosines = np.linalg.svd(spaces[0].T @ spaces[1])[1]
        assert np.linalg.norm(found, axis=0) == pytest.approx(cosines, abs=1e-6)

    def test_two_classes_give_fisher_s_direction(self, digits):
        X, y = digits
        X = X + np.random.default_rng(0).normal(size=X.shape)  # no constant pixel
        sides = X[y == 3], X[y == 8]
        hasher = hashing.make("itq_cca", bits=1, ridge=1e-12, random_state=0)
        found = hasher.fit(np.concatenate(sides), np.repeat([3, 8], [len(sides[0]), len(sides[1])])).projection_[:, 0]
        means = [side.mean(axis=0) for side in sides]
        within = sum((side - mean).T @ (side - mean) for side, mean in zip(sides, means, strict=True))
        fisher = np.linalg.solve(within, means[1] - means[0])
        assert abs(fisher @ found) == pytest.approx(np.linalg.norm(fisher) * np.linalg.norm(found))

    def test_an_invertible_map_of_the_features_changes_no_score(self, digits):
        X, y = digits
        rng = np.random.default_rng(0)
        X = X[:, :20] + rng.normal(size=(len(X), 20))
        mapped = (X - X.mean(axis=0)) @ rng.normal(size=(20, 20))
        Y = np.eye(10)[y] - np.eye(10)[y].mean(axis=0)
        a, b = (one @ correlated_directions(one, Y, ridge=1e-14) for one in (X - X.mean(axis=0), mapped))
        assert np.allclose(abs(a), abs(b), atol=1e-6)  # the sign of a direction is arbitrary

    def test_more_features_than_samples(self, digits):
        """Labels are then predicted exactly, so that a class is a point."""
        X, y = np.hstack([digits[0][:40], digits[0][:40] ** 2]), digits[1][:40]
        codes = hashing.make("itq_cca", bits=9, random_state=0, ridge=1e-9).fit(X, y).transform(X)
        assert len(np.unique(codes, axis=0)) == len(np.unique(np.column_stack([codes, y]), axis=0)) == 10

    def test_bits_are_at_most_the_correlated_directions(self, digits):
        X, y = digits
        said = "ITQ-CCA of 10 bits needs as many directions .*, but 10 classes and 64 features have 9; use fewer"
        with pytest.raises(L2HError, match=said):
            hashing.make("itq_cca", bits=10).fit(X, y)
        with pytest.raises(L2HError, match="10 classes and 2 features have 2; use fewer bits"):
            hashing.make("itq_cca", bits=3).fit(X[:, 20:22], y)
        several = np.eye(10, dtype=bool)[y]
        several[::2, 0] = True
        assert hashing.make("itq_cca", bits=10).fit(X, several).projection_.shape == (64, 10)

    def test_the_rotation_lowers_the_quantisation_error(self, digits):
        X, y = digits

        def error(n_iter):
            scores = hashing.make("itq_cca", bits=9, random_state=0, n_iter=n_iter).fit(X, y).decision_function(X)
            return -abs(scores).sum()  # of (sign - score)^2, what a rotation changes

        assert error(50) < error(5) < error(1)

    def test_unseen_digits_are_found(self, digits):
        X, y = digits
        packed = hashing.make("itq_cca", bits=9, random_state=0).fit(X[:1000], y[:1000]).transform(X)
        histogram = rank_histogram(packed[1400:], packed[1000:1400], y[1400:], y[1000:1400], bits=9)
        assert average_precision(histogram).mean() > 0.6


class TestSDH:
    @pytest.mark.parametrize("start", [(1, 1), (1, -1), (-1, 1), (-1, -1)])
    def test_a_code_by_hand(self, start):
        """One image, y = (1, 0), w_1 = (1, 1), w_2 = (1, -1), nu = 0: the codes have the values 1, 5, 5, 9."""
        weights, label = np.array([[1.0, 1.0], [1.0, -1.0]]), np.array([[1.0, 0.0]])
        code = update_bits(np.array([start], float), label @ weights.T, weights)
        assert code.tolist() == [[1, 1]]
        assert np.sum((label - code @ weights) ** 2) == 1

    def test_one_bit_is_the_sign_of_its_target_and_stays_if_that_is_0(self):
        codes, target = np.array([[1.0], [1.0], [1.0], [-1.0]]), np.array([[3.0], [-0.5], [0.0], [0.0]])
        assert update_bits(codes, target, np.array([[2.0, 1.0]])).ravel().tolist() == [1, -1, 1, -1]
        assert codes.ravel().tolist() == [1, 1, 1, -1]  # the old ones are left alone

    def test_weights_solve_the_regression(self):
        rng = np.random.default_rng(0)
        codes, labels = rng.choice((-1.0, 1.0), (30, 4)), rng.normal(size=(30, 3))
        weights = label_weights(codes, labels, 2.0)
        assert np.allclose(2 * codes.T @ (codes @ weights - labels) + 4 * weights, 0)  # the gradient

    @pytest.mark.parametrize("nu", [1e-5, 1e-2])
    def test_training_is_the_paper_s_alternation_and_never_raises_its_objective(self, nu, digits):
        """Against matrix inverses and single bits; several labels an image."""
        X, Y = digits[0][:150], np.eye(10)[digits[1][:150]]
        Y[:, 0] = Y[:, 3] + Y[:, 0]
        hasher = hashing.make("sdh", bits=6, random_state=0, anchors=40, nu=nu, rounds=3).fit(X, Y)
        rng = np.random.RandomState(0)
        anchors = X[rng.permutation(150)[:40]]
        codes = rng.choice((-1.0, 1.0), size=(150, 6))
        distances = cdist(anchors, anchors)
        width = 0.5 * np.median(distances[distances > 0])
        F = np.c_[np.exp(-(cdist(X, anchors) ** 2) / (2 * width**2)), np.ones(150)]

        def objective(codes, W, P):
            predicted = np.sum((codes - F @ P) ** 2) + 1e-2 * np.sum(P**2)
            return np.sum((Y - codes @ W) ** 2) + np.sum(W**2) + nu * predicted

        values, W, P = [], np.zeros((6, 10)), np.zeros((41, 6))
        for _ in range(3):
            W = np.linalg.inv(codes.T @ codes + np.eye(6)) @ codes.T @ Y
            values.append(objective(codes, W, P))
            P = np.linalg.inv(F.T @ F + 1e-2 * np.eye(41)) @ F.T @ codes
            values.append(objective(codes, W, P))
            Q = Y @ W.T + nu * F @ P
            for _ in range(10):
                for k in range(6):
                    rest = np.delete(codes, k, axis=1) @ np.delete(W, k, axis=0)
                    codes[:, k] = np.where(Q[:, k] - rest @ W[k] > 0, 1, -1)
                    values.append(objective(codes, W, P))
        P = np.linalg.inv(F.T @ F + 1e-2 * np.eye(41)) @ F.T @ codes
        assert (np.diff(values) < 1e-9).all()
        assert np.allclose(hasher.projection_, P[:-1], atol=1e-7)
        assert np.allclose(hasher.intercept_, P[-1], atol=1e-7)
        assert hasher.codes_.dtype == np.int8
        assert np.array_equal(hasher.codes_, codes)


class TestHadamardRidge:
    @pytest.fixture
    def points(self):
        """Four points far apart: kernels are 1 between copies of a point, and 0 between others."""
        return np.eye(4) * 9

    def fit(self, points, labels):
        copies = np.repeat(points, 5, axis=0), np.repeat(labels, 5, axis=0)
        hasher = hashing.make("hadamard_ridge", bits=8, random_state=0, width=0.05, ridge=1e-9)
        return hasher.fit(*copies).decision_function(points)

    def test_kernels_that_tell_the_class_give_its_centre(self, points):
        scores = self.fit(points, np.arange(4))
        rng = np.random.RandomState(0)
        rng.permutation(20)  # of the anchors
        centres = class_centres(4, 8, np.random.default_rng(rng.randint(2**31)))
        assert np.allclose(scores, centres, atol=1e-6)

    def test_several_labels_give_the_mean_of_their_centres(self, points):
        scores = self.fit(points, np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0]]))
        assert np.allclose(abs(scores[:3]), 1, atol=1e-6)
        assert np.allclose(scores[3], (scores[0] + scores[1]) / 2, atol=1e-6)

    def test_the_ridge_has_the_least_error_on_images_left_out_in_turn(self, digits):
        X, y, ridges = digits[0][:60], digits[1][:60], (1e-3, 1e-1, 10.0)
        hasher = hashing.make("hadamard_ridge", bits=8, random_state=0, anchors=20, ridge=ridges).fit(X, y)
        rng = np.random.RandomState(0)
        rng.permutation(60)
        targets = class_centres(10, 8, np.random.default_rng(rng.randint(2**31)))[y]
        F = hasher.kernels(X)

        def regression(rows, ridge):
            A, B = F[rows] - F[rows].mean(axis=0), targets[rows] - targets[rows].mean(axis=0)
            P = np.linalg.solve(A.T @ A + ridge * np.eye(20), A.T @ B)
            return P, targets[rows].mean(axis=0) - F[rows].mean(axis=0) @ P

        errors = []
        for ridge in ridges:
            left_out = [(i, *regression(np.arange(60) != i, ridge)) for i in range(60)]
            errors.append(sum(np.sum((targets[i] - F[i] @ P - intercept) ** 2) for i, P, intercept in left_out))
        assert hasher.ridge_ == ridges[int(np.argmin(errors))]
        assert hasher.notes() == {"ridge": hasher.ridge_}
        P, intercept = regression(np.arange(60), hasher.ridge_)
        assert np.allclose(hasher.projection_, P, atol=1e-8)
        assert np.allclose(hasher.intercept_, intercept, atol=1e-8)

    def test_equal_bits_of_the_centres_are_learned_as_equal_bits(self, digits):
        X, y = digits[0][:300], digits[1][:300]
        different = []
        for kind in ("first_rows", "separated"):
            hasher = hashing.make("hadamard_ridge", bits=64, random_state=0, centres=kind, ridge=0.1).fit(X, y)
            scores = hasher.decision_function(X).round(9)
            different.append(len(np.unique(scores.T, axis=0)))
        assert different == [16, 64]


@pytest.mark.parametrize(
    ("name", "params", "words"),
    [
        ("itq_cca", {"ridge": 0}, "itq_cca: ridge must be a number above 0, got 0"),
        ("itq_cca", {"n_iter": 0}, "itq_cca: n_iter must be a positive integer, got 0"),
        ("sdh", {"nu": -1}, "sdh: nu must be a number above 0, got -1"),
        ("sdh", {"rounds": 1.5}, "sdh: rounds must be a positive integer, got 1.5"),
        ("sdh", {"anchors": 1}, "sdh: anchors must be an integer from 2, got 1"),
        ("sdh", {"width": 0.0}, "sdh: width must be a number above 0, got 0.0"),
        ("hadamard_ridge", {"ridge": []}, r"hadamard_ridge: ridge must be a number above 0, or several, got \(\)"),
        ("hadamard_ridge", {"ridge": [1, "1e-3"]}, "YAML reads it as text"),
        ("hadamard_ridge", {"centres": "far"}, "hadamard_ridge: centres must be one of separated, first_rows, bernou"),
    ],
)
def test_wrong_values_are_one_clear_line(name, params, words):
    with pytest.raises(L2HError, match=words):
        hashing.make(name, bits=8, **params)


@pytest.mark.parametrize("name", ["hadamard_ridge", "sdh"])
def test_equal_features_have_no_kernel(name):
    with pytest.raises(L2HError, match="needs features that vary; all 6 anchors are equal"):
        hashing.make(name, bits=8).fit(np.ones((6, 3)), [0, 1] * 3)


def test_too_few_bits_for_a_centre_a_class(digits):
    with pytest.raises(L2HError, match="found no centres of 10 classes at 3 bits"):
        hashing.make("hadamard_ridge", bits=3).fit(*digits)
