"""Rankings by scores: against brute force, against the same ranking as a histogram, and on real digits."""

import itertools

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.datasets import load_digits
from threadpoolctl import threadpool_limits

from l2h import codes, hashing, metrics
from l2h.errors import L2HError
from l2h.evaluation.cell import evaluate
from l2h.ranking import RankedRelevance, RankHistogram, rank_histogram
from l2h.ranking.scores import rank_by_scores
from l2h.splits import Protocol, Split, make_split

TIES = ("expected", "worst", "best")
NORMALISE = ("retrieved", "relevant")


def as_groups(relevant, tied):
    """The histogram whose groups are the sets of tied items."""
    group = np.cumsum(~tied) - 1
    width = group.max(initial=-1) + 1
    return RankHistogram(np.bincount(group, minlength=width)[None], np.bincount(group[relevant], minlength=width)[None])


@st.composite
def rankings(draw):
    """Relevance and ties of up to four queries."""
    n_query, items = draw(st.integers(1, 4)), draw(st.integers(1, 40))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    relevant = rng.random((n_query, items)) < draw(st.sampled_from([0, 0.2, 0.9]))
    tied = rng.random((n_query, items)) < draw(st.sampled_from([0, 0.3, 0.95]))
    tied[:, 0] = False
    return relevant, tied


def packed(relevant, tied):
    return RankedRelevance(codes.pack(relevant), codes.pack(tied), relevant.shape[1])


@given(rankings(), st.one_of(st.none(), st.integers(1, 45)), st.sampled_from(TIES), st.sampled_from(NORMALISE))
def test_average_precision_matches_that_of_tied_groups(ranking, k, ties, normalise):
    result = metrics.average_precision(packed(*ranking), k, ties, normalise)
    expected = [metrics.average_precision(as_groups(*one), k, ties, normalise)[0] for one in zip(*ranking, strict=True)]
    assert result == pytest.approx(expected, abs=1e-12)


@given(rankings(), st.integers(1, 45))
def test_precision_and_recall_match_those_of_tied_groups(ranking, k):
    for metric in (metrics.precision_at_k, metrics.recall_at_k):
        expected = [metric(as_groups(*one), k)[0] for one in zip(*ranking, strict=True)]
        assert metric(packed(*ranking), k) == pytest.approx(expected, abs=1e-12)


@given(rankings(), st.one_of(st.none(), st.integers(1, 45)))
def test_without_ties_the_value_is_the_textbook_s(ranking, k):
    relevant = ranking[0]
    h = packed(relevant, np.zeros_like(relevant))
    for normalise in NORMALISE:
        expected = []
        for row in relevant:
            top = row[:k]
            precision = sum(top[: i + 1].mean() for i in np.flatnonzero(top))
            divisor = top.sum() if normalise == "retrieved" else min(len(top), row.sum())
            expected.append(precision / divisor if divisor else 0)
        for ties in TIES:
            assert metrics.average_precision(h, k, ties, normalise) == pytest.approx(expected, abs=1e-12)


@given(rankings(), st.integers(1, 45))
def test_the_histogram_keeps_every_item_and_group(ranking, k):
    relevant, tied = ranking
    h = packed(relevant, tied).histogram(k)
    assert h.total.sum(axis=1).tolist() == [relevant.shape[1]] * len(relevant)
    assert h.relevant.sum(axis=1).tolist() == relevant.sum(axis=1).tolist()


def test_the_number_of_blocks_does_not_matter(monkeypatch):
    rng = np.random.default_rng(0)
    h = packed(rng.random((9, 50)) < 0.3, np.pad(rng.random((9, 49)) < 0.2, ((0, 0), (1, 0))))
    expected = metrics.average_precision(h, 20)
    monkeypatch.setattr("l2h.ranking.relevance.BLOCK", 100)
    assert metrics.average_precision(h, 20) == pytest.approx(expected)


def test_undefined_metrics_are_left_out():
    h = packed(np.array([[True, False]]), np.zeros((1, 2), bool))
    for metric in (lambda: metrics.precision_recall_curve(h), lambda: metrics.precision_within_radius(h, 2)):
        with pytest.raises(ValueError, match="a ranking by scores has no Hamming distances"):
            metric()
    with pytest.raises(ValueError, match="k must be at least 1, got 0"):
        metrics.average_precision(h, 0)
    names = {figure["metric"] for figure in evaluate(h, h).figures}
    assert names == {"map", "map_unseen", "precision", "recall", "lone_queries", "lone_queries_unseen"}
    nothing = packed(np.zeros((1, 0), bool), np.zeros((1, 0), bool))
    names = {figure["metric"] for figure in evaluate(h, nothing).figures}
    assert names == {"map", "precision", "recall", "lone_queries"}


@pytest.mark.parametrize(
    ("relevant", "tied", "items", "words"),
    [
        (np.zeros((2, 2), np.uint8), np.zeros((2, 2), np.uint8), 17, r"relevant is uint8 of shape \(queries, 3\)"),
        (np.zeros((2, 2)), np.zeros((2, 2), np.uint8), 16, "got float64"),
        (np.zeros((2, 2), np.uint8), np.zeros((3, 2), np.uint8), 16, "differ in shape"),
        (np.zeros((1, 1), np.uint8), np.ones((1, 1), np.uint8), 8, "the first item cannot be tied"),
        (np.full((1, 1), 8, np.uint8), np.zeros((1, 1), np.uint8), 3, "bits beyond the 3 items are set"),
    ],
)
def test_mistakes_are_named(relevant, tied, items, words):
    with pytest.raises(ValueError, match=words):
        RankedRelevance(relevant, tied, items)


@pytest.fixture(scope="module", params=["classes", "multi-hot"])
def problem(request):
    """Real digits as a split: pixels as features, one or two labels each."""
    data = load_digits()
    labels = [[digit] if request.param == "classes" else sorted({digit, digit % 3}) for digit in data.target]
    manifest = pa.table(
        {
            "id": pa.array(np.arange(len(labels)), pa.int64()),
            "image_sha256": pa.array([i.to_bytes(32, "big") for i in range(len(labels))], pa.binary(32)),
            "labels": pa.array(labels, pa.list_(pa.int32())),
            "location": pa.array([""] * len(labels)),
        }
    )
    split = make_split(manifest, "p", Protocol(query=20, train=300, per_class=False), 0)
    return split, data.data.astype(np.float32)


class Given:
    """A scorer with known integer scores, many of them tied."""

    def scores(self, queries, database):
        return np.round(queries[:, :6] @ database[:, :6].T / 40).astype(np.float64)


def batches(X, order, size=100):
    return lambda: ((order[i : i + size], X[order[i : i + size]]) for i in range(0, len(order), size))


def test_ranking_matches_brute_force_in_any_blocks(problem, monkeypatch):
    split, X = problem
    queries, database, train = (split.ids(role) for role in ("query", "database", "train"))
    whole, unseen = rank_by_scores(Given(), split, X[queries], batches(X, np.arange(len(X))))
    assert whole.items == len(database)
    assert unseen.items == len(database) - len(np.intersect1d(database, train))
    for h, ids in ((whole, database), (unseen, np.setdiff1d(database, train))):
        scores = Given().scores(X[queries], X[ids])
        for row, (score, label) in enumerate(zip(scores, split.labels(queries), strict=True)):
            labels = split.labels(ids)
            shared = (labels & label).any(axis=1) if labels.ndim == 2 else labels == label
            order = np.argsort(-score, kind="stable")
            groups = as_groups(shared[order], np.append(False, np.diff(score[order]) == 0))
            for ties in TIES:
                expected = metrics.average_precision(groups, 50, ties)
                assert metrics.average_precision(h[[row]], 50, ties) == pytest.approx(expected)
    monkeypatch.setattr("l2h.ranking.scores.SCORES", 5000)
    monkeypatch.setattr("l2h.ranking.scores.ITEMS", 1)
    shuffled = np.random.default_rng(0).permutation(len(X))
    for again, before in zip(
        rank_by_scores(Given(), split, X[queries], batches(X, shuffled, 77)), (whole, unseen), strict=True
    ):
        assert np.array_equal(again.relevant, before.relevant)
        assert np.array_equal(again.tied, before.tied)


def test_queries_may_be_the_last_images(monkeypatch):
    monkeypatch.setattr("l2h.ranking.scores.ITEMS", 1)
    split, queries, read = copies(0, 7)
    last = np.arange(7), queries
    scorer = hashing.make("l2", bits=8).fit(queries)
    h, _ = rank_by_scores(scorer, split, queries, lambda: [*read(), last])
    assert h.items == ROWS * COPIES


def test_signed_scores_are_sorted_as_numbers(problem):
    split, X = problem

    class Signed:
        def scores(self, queries, database):
            values = database[:, 20].astype(np.float64) - 5
            zeros = np.where(np.arange(len(values)) % 2, -0.0, 0.0)  # one score
            return np.tile(np.where(values == 0, zeros, values), (len(queries), 1))

    queries = split.ids("query")
    h, _ = rank_by_scores(Signed(), split, X[queries], batches(X, np.arange(len(X))))
    value = X[split.ids("database"), 20]
    counts = np.unique(-value, return_counts=True)[1]
    starts = np.unpackbits(h.tied[0], count=h.items, bitorder="little") == 0
    assert np.array_equal(np.flatnonzero(starts), np.append(0, counts.cumsum()[:-1]))


def test_hamming_distances_as_scores_match_histograms(problem):
    split, X = problem
    hasher = hashing.make("itq", bits=8, random_state=0).fit(X[split.ids("train")])

    class Hamming:
        def scores(self, queries, database):
            a, b = (hasher.decision_function(side) > 0 for side in (queries, database))
            return -(a[:, None] != b[None]).sum(axis=2).astype(np.float64)

    queries, database = split.ids("query"), split.ids("database")
    packed_codes = hasher.transform(X)
    labels = split.labels(queries), split.labels(database)
    expected = rank_histogram(packed_codes[queries], packed_codes[database], *labels, bits=8)
    h, _ = rank_by_scores(Hamming(), split, X[queries], batches(X, np.arange(len(X))))
    for ties in TIES:
        for k in (None, 100):
            assert metrics.average_precision(h, k, ties) == pytest.approx(
                metrics.average_precision(expected, k, ties), abs=1e-12
            )


def test_missing_features_are_named(problem):
    split, X = problem
    database = split.ids("database")
    with pytest.raises(L2HError, match=rf"1 images of the database have no features.*ids \[{database[3]}\]"):
        rank_by_scores(Given(), split, X[split.ids("query")], batches(X, np.delete(np.arange(len(X)), database[3])))


ROWS, COPIES = 60, 3


def copies(seed, n_query, *, of_one_image=False):
    """A split whose database holds each of ROWS rows COPIES times, all but one relevant, in an order of the seed's.

    With it the queries' features, and the database's as batches; the copies of one image are rounded differently.
    """
    rng = np.random.default_rng(0)
    distinct = np.maximum(rng.standard_normal((ROWS, 512)), 0)
    queries = rng.standard_normal((n_query, 512)).astype(np.float32)
    place = np.random.default_rng(seed).permutation(ROWS * COPIES)
    X = distinct[place // COPIES].astype(np.float32)
    images = [number // COPIES for number in place] if of_one_image else place.tolist()
    if of_one_image:
        X *= 1 + np.float32(1e-7) * (place % COPIES)[:, None].astype(np.float32)
    table = {
        "id": np.arange(n_query + len(place)),
        "role": ["query"] * n_query + ["database"] * len(place),
        "image_sha256": [f"query {number}" for number in range(n_query)] + [f"image {number}" for number in images],
        "labels": [[0]] * n_query + [[int(number % COPIES == 0)] for number in place],
    }
    return Split(pa.table(table), "copies", 0), queries, lambda: [(np.arange(n_query, n_query + len(place)), X)]


class Rounded:
    """Scores whose last bits depend on an item's position, as in a matrix product."""

    def scores(self, queries, database):
        exact = queries.astype(np.float64) @ database.astype(np.float64).T
        return exact * (1 + 1e-15 * np.arange(exact.shape[1]))


@pytest.mark.parametrize("of_one_image", [False, True])
@pytest.mark.parametrize("at_once", [1, 50, 1024])
def test_equal_items_are_tied_despite_rounding(at_once, of_one_image, monkeypatch):
    monkeypatch.setattr("l2h.ranking.scores.ITEMS", at_once)
    expected = codes.pack(np.tile([False, True, True], (7, ROWS)))
    for seed in range(2):
        h, _ = rank_by_scores(Rounded(), *copies(seed, 7, of_one_image=of_one_image))
        assert np.array_equal(h.tied, expected)
        assert np.array_equal(h.relevant, expected)


@pytest.mark.parametrize("name", ["cosine", "l2", "pq"])
def test_exact_search_ties_equal_items(name):
    X = np.random.default_rng(1).standard_normal((300, 512)).astype(np.float32)
    scorer = hashing.make(name, bits=64, random_state=0).fit(X)
    for threads, n_query in itertools.product((1, 2), (1, 3, 20, 50)):
        with threadpool_limits(threads):
            one, other = (rank_by_scores(scorer, *copies(seed, n_query))[0] for seed in range(2))
        assert np.array_equal(other.tied, one.tied)
        assert np.array_equal(other.relevant, one.relevant)
