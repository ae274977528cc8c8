"""Metrics against the mean over every order of tied items, written out, and against direct sums at large scale."""

import itertools
import re
import sys
from fractions import Fraction
from importlib.util import module_from_spec, spec_from_file_location

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import hypergeom

from l2h import metrics, plugins
from l2h.cli import main
from l2h.errors import L2HError
from l2h.evaluation.cell import evaluate
from l2h.ranking import RankedRelevance, RankHistogram
from l2h.report import comparison, cost_columns, differences
from l2h.report.table import table as table_of_report
from l2h.store.cells import CELL_KEY
from l2h.store.results import iter_metrics, write_metrics
from workspace import ROOT, SUPPORT

# Up to three distances, up to four tied items at each: at most 24**3 orders, fewer as only relevance matters.
groups = st.lists(
    st.integers(0, 4).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n))), min_size=1, max_size=3
).filter(lambda some: sum(n for n, _ in some) > 0)
depths = st.one_of(st.none(), st.integers(1, 14))


def as_histogram(some):
    total, relevant = zip(*some, strict=True)
    return RankHistogram(np.array([total]), np.array([relevant]))


def orders(some):
    """Every ranking (a tuple of 0 and 1) with its probability."""
    arrangements = []
    for n, r in some:
        chosen = list(itertools.combinations(range(n), r))
        arrangements.append(
            [(tuple(int(i in places) for i in range(n)), Fraction(1, len(chosen))) for places in chosen]
        )
    for parts in itertools.product(*arrangements):
        yield sum((part for part, _ in parts), ()), np.prod([weight for _, weight in parts])


def ap(ranking, k, normalise):
    k = len(ranking) if k is None else min(k, len(ranking))
    hits = precision = Fraction(0)
    for place, relevant in enumerate(ranking[:k], start=1):
        hits += relevant
        precision += Fraction(hits, place) * relevant
    divisor = hits if normalise == "retrieved" else min(k, sum(ranking))
    return precision / divisor if divisor else Fraction(0)


@given(groups, depths, st.sampled_from(["retrieved", "relevant"]))
def test_expected_ap_is_the_mean_over_all_tie_orders(some, k, normalise):
    expected = sum(weight * ap(ranking, k, normalise) for ranking, weight in orders(some))
    result = metrics.average_precision(as_histogram(some), k, "expected", normalise)
    assert result.dtype == np.float64
    assert result == pytest.approx([float(expected)], abs=1e-12)


@given(groups, depths, st.sampled_from(["retrieved", "relevant"]))
def test_best_and_worst_put_relevant_items_first_and_last(some, k, normalise):
    best = sum(((1,) * r + (0,) * (n - r) for n, r in some), ())
    worst = sum(((0,) * (n - r) + (1,) * r for n, r in some), ())
    for ties, ranking in (("best", best), ("worst", worst)):
        result = metrics.average_precision(as_histogram(some), k, ties, normalise)
        assert result == pytest.approx([float(ap(ranking, k, normalise))], abs=1e-12)


@given(groups, depths)
def test_best_and_worst_bound_every_order(some, k):
    h = as_histogram(some)
    low, high = (metrics.average_precision(h, k, ties, "relevant")[0] for ties in ("worst", "best"))
    for ranking, _ in orders(some):
        assert low - 1e-12 <= ap(ranking, k, "relevant") <= high + 1e-12


@given(groups, st.integers(1, 14))
def test_precision_and_recall_at_k_are_means_over_all_tie_orders(some, k):
    h, size, relevant = as_histogram(some), sum(n for n, _ in some), sum(r for _, r in some)
    hits = sum(weight * sum(ranking[:k]) for ranking, weight in orders(some))
    assert metrics.precision_at_k(h, k) == pytest.approx([float(hits / min(k, size))])
    assert metrics.recall_at_k(h, k) == pytest.approx([float(hits / relevant) if relevant else 0])


def test_radius_and_curve_match_plain_loops():
    h = RankHistogram(np.array([[0, 2, 4], [3, 0, 1]]), np.array([[0, 1, 3], [0, 0, 0]]))
    assert metrics.precision_within_radius(h, 0).tolist() == [0, 0]  # an empty ball scores 0 and counts
    assert metrics.precision_within_radius(h, 1).tolist() == [1 / 2, 0]
    assert metrics.precision_within_radius(h, 9).tolist() == [4 / 6, 0]
    curve = metrics.precision_recall_curve(h)
    assert curve.shape == (2, 2, 3)
    assert curve[0].tolist() == [[0, 1 / 2, 4 / 6], [0, 0, 0]]
    assert curve[1].tolist() == [[0, 1 / 4, 1], [0, 0, 0]]


def test_empty_radii_and_tied_pairs_match_counting():
    h = RankHistogram(np.array([[0, 0, 0, 4], [1, 2, 0, 3], [0, 0, 1, 0]]), np.zeros((3, 4), int))
    assert metrics.is_empty_within_radius(h, 1).tolist() == [True, False, True]
    assert metrics.is_empty_within_radius(h, 2).tolist() == [True, False, False]
    places = [1] + [2] * 2 + [4] * 3
    pairs = list(itertools.combinations(places, 2))
    assert metrics.tied_pairs(h) == pytest.approx([1, sum(a == b for a, b in pairs) / len(pairs), 0])


def test_values_and_registry_match():
    h = RankHistogram(np.array([[3, 2, 1]]), np.array([[1, 2, 0]]))
    figures = evaluate(h, h, np.array([[1], [2], [3]], np.uint8), {"criterion": None}).figures
    assert {figure["metric"] for figure in figures} == set(metrics.registered())


def test_rows_have_a_fixed_order():
    h = random_histogram(np.random.default_rng(0), bits=2, size=300)
    rows = [(one["metric"], one["k"], one["ties"]) for one in evaluate(h, h, np.zeros((300, 1), np.uint8)).figures]
    assert rows[:3] == [("map", None, "expected"), ("map_unseen", None, "expected"), ("map", 100, "expected")]
    depths = [(name, k, "expected") for k in (100, 250) for name in ("precision", "recall")]
    distances = [(f"{name}_at_distance", distance, None) for distance in range(3) for name in ("precision", "recall")]
    for together in (depths, distances):
        first = rows.index(together[0])
        assert rows[first : first + len(together)] == together
    alone = ["lone_queries", "lone_queries_unseen", "precision_in_radius", "empty_in_radius", "tied_pairs"]
    assert [name for name, _, _ in rows if name in alone] == alone
    of_codes = [name for name, metric in metrics.registered().items() if metric.of == "codes"]
    assert [name for name, _, _ in rows[-len(of_codes) :]] == of_codes


def test_lone_queries_are_counted():
    database = RankHistogram(np.array([[3, 2], [4, 1], [5, 0]]), np.array([[0, 0], [1, 0], [2, 0]]))
    unseen = RankHistogram(np.array([[1, 2], [2, 1], [3, 0]]), np.array([[0, 0], [0, 0], [2, 0]]))

    def counted(*arguments):
        figures = evaluate(*arguments).figures
        return {one["metric"]: one["value"] for one in figures if one["metric"].startswith("lone")}

    assert counted(database, unseen) == {"lone_queries": 1, "lone_queries_unseen": 2}
    nothing = RankHistogram(np.zeros((3, 2), int), np.zeros((3, 2), int))
    assert counted(database, nothing) == {"lone_queries": 1}
    by_score = RankedRelevance(np.array([[0], [2]], np.uint8), np.zeros((2, 1), np.uint8), 8)
    assert counted(by_score, by_score) == {"lone_queries": 1, "lone_queries_unseen": 1}


@pytest.mark.parametrize("criterion", [None, "mean average precision"])
def test_a_training_without_a_choice_is_counted(criterion):
    h = RankHistogram(np.array([[3, 2]]), np.array([[1, 0]]))
    figures = evaluate(h, h, None, {"criterion": criterion}).figures
    (figure,) = [one for one in figures if one["metric"] == "nothing_chosen"]
    assert figure["value"] == (criterion is None)


def test_a_query_with_nothing_relevant_scores_zero():
    h = RankHistogram(np.array([[5, 5]]), np.array([[0, 0]]))
    for ties in ("expected", "worst", "best"):
        for normalise in ("retrieved", "relevant"):
            assert metrics.average_precision(h, 3, ties, normalise).tolist() == [0]


def random_histogram(rng, bits, size, queries=5):
    total = rng.multinomial(size, rng.dirichlet(np.ones(bits + 1)), size=queries)
    return RankHistogram(total, rng.binomial(total, rng.random(total.shape)))


def direct(total, relevant, k, normalise):
    """The definition of DESIGN 4, summed item by item."""
    N = R = 0
    whole = 0.0
    for n, r in zip(total, relevant, strict=True):
        m = min(n, k - N)
        if m <= 0:
            break
        i = np.arange(1, m + 1)
        if m < n and normalise == "retrieved":
            value = 0.0
            for h in range(max(0, m - (n - r)), min(m, r) + 1):
                slope = (h - 1) / (m - 1) if m > 1 else 0
                inside = h / m * np.sum((R + 1 + (i - 1) * slope) / (N + i))
                if R + h:
                    value += hypergeom.pmf(h, n, r, m) * (whole + inside) / (R + h)
            return value
        slope = (r - 1) / (n - 1) if n > 1 else 0
        whole += r / n * np.sum((R + 1 + (i - 1) * slope) / (N + i))
        N, R = N + n, R + r
    divisor = R if normalise == "retrieved" else min(k, relevant.sum())
    return whole / divisor if divisor else 0.0


@pytest.mark.parametrize("normalise", ["retrieved", "relevant"])
@pytest.mark.parametrize("k", [1, 100, 5000, 20_000])
def test_closed_forms_equal_direct_sums_at_scale(k, normalise):
    h = random_histogram(np.random.default_rng(k), bits=8, size=20_000)
    result = metrics.average_precision(h, k, "expected", normalise)
    expected = [direct(n, r, k, normalise) for n, r in zip(h.total, h.relevant, strict=True)]
    assert np.abs(result - expected).max() < 1e-9


@given(st.integers(0, 2**32), depths)
def test_shared_groups_give_the_same_values(seed, k):
    h = random_histogram(np.random.default_rng(seed), bits=5, size=60)
    shared = metrics.Groups(h)
    for _ in range(2):  # the second time from what is kept
        for ties, normalise in itertools.product(("expected", "worst", "best"), ("retrieved", "relevant")):
            alone = metrics.average_precision(h, k, ties, normalise)
            assert np.array_equal(metrics.average_precision(shared, k, ties, normalise), alone)
        assert np.array_equal(metrics.precision_at_k(shared, 7), metrics.precision_at_k(h, 7))
        assert np.array_equal(metrics.recall_at_k(shared, 7), metrics.recall_at_k(h, 7))


@pytest.mark.parametrize("some", [0, 30])
def test_a_cell_is_evaluated_in_one_pass_over_its_groups(some, monkeypatch):
    rng = np.random.default_rng(0)
    database, unseen = (random_histogram(rng, bits=5, size=size) for size in (60, some))
    alone = [metrics.average_precision(h) for h in (database, unseen)]
    made = []

    class Counted(metrics.Groups):
        def __init__(self, h):
            made.append(h)
            super().__init__(h)

    monkeypatch.setattr(metrics.tied_groups, "Groups", Counted)
    figures, by_query = evaluate(database, unseen)
    assert made == ([database, unseen] if some else [database])
    assert np.array_equal(by_query["average_precision"], alone[0])
    if some:
        assert np.array_equal(by_query["average_precision_unseen"], alone[1])
    else:
        assert np.isnan(by_query["average_precision_unseen"]).all()
    means = {one["metric"]: one["value"] for one in figures if (one["k"], one["ties"]) == (None, "expected")}
    assert means["map"] == alone[0].mean()
    assert means.get("map_unseen") == (alone[1].mean() if some else None)


def test_precision_holds_for_a_billion_items():
    # all items of the last, tiny group are relevant: 10 precisions of about i / 1e9
    total, relevant = np.array([[10**9, 10]]), np.array([[0, 10]])
    i = np.arange(1, 11)
    expected = np.mean(i / (10**9 + i))
    result = metrics.average_precision(RankHistogram(total, relevant))
    assert result == pytest.approx([expected], rel=1e-6)


def test_harmonic_numbers_are_exact():
    total, relevant = np.array([[64, 200]]), np.array([[0, 200]])
    expected = sum(Fraction(i, 64 + i) for i in range(1, 201)) / 200
    result = metrics.average_precision(RankHistogram(total, relevant))
    assert result == pytest.approx([float(expected)], rel=1e-13)


@pytest.mark.parametrize("k", [7, 1000, 40_000])
def test_a_query_s_score_does_not_depend_on_others(k):
    """Among queries with groups of a few items and of many thousands, which are summed over windows of other widths."""
    total = np.array([[3, 4, 5, 99_988], [50_000, 50_000, 0, 0], [1, 999, 9_000, 90_000], [5, 5, 99_980, 10]])
    relevant = total // np.array([[2], [3], [9], [4]])
    together = metrics.average_precision(RankHistogram(total, relevant), k)
    alone = [metrics.average_precision(RankHistogram(total[[q]], relevant[[q]]), k)[0] for q in range(len(total))]
    assert together.tolist() == pytest.approx(alone, rel=1e-13)


def test_without_queries_there_are_no_values():
    h = RankHistogram(np.zeros((0, 9), int), np.zeros((0, 9), int))
    for k in (None, 3):
        assert metrics.average_precision(h, k).shape == (0,)


def test_invalid_arguments_are_named():
    h = RankHistogram(np.array([[1]]), np.array([[1]]))
    with pytest.raises(ValueError, match="k must be at least 1, got 0"):
        metrics.average_precision(h, 0)
    with pytest.raises(ValueError, match="ties must be"):
        metrics.average_precision(h, ties="random")
    with pytest.raises(ValueError, match="normalise must be"):
        metrics.average_precision(h, normalise="all")
    with pytest.raises(ValueError, match="r must be at least 0"):
        metrics.precision_within_radius(h, -1)


@pytest.fixture
def r_precision(own_plugins):
    """The metric of a plug-in."""
    plugins.load([str(SUPPORT / "toy_metric.py")])
    return metrics.registry.get("r_precision")


def test_r_precision_is_precision_at_r(r_precision):
    # R = 3: one relevant of two, then one of the two places left in a group of four with two relevant
    h = RankHistogram(np.array([[2, 4, 5], [3, 3, 3]]), np.array([[1, 2, 0], [0, 0, 0]]))
    assert r_precision.function(h).tolist() == pytest.approx([(1 + 1 * 2 / 4) / 3, 0])
    h = random_histogram(np.random.default_rng(1), bits=6, size=500, queries=9)
    rows = [RankHistogram(h.total[[q]], h.relevant[[q]]) for q in range(9)]
    expected = [metrics.precision_at_k(row, row.relevant.sum())[0] for row in rows]
    assert r_precision.function(h).tolist() == pytest.approx(expected)


@pytest.mark.usefixtures("r_precision")
def test_a_metric_of_a_plug_in_is_in_every_table(tmp_path, capsys):
    """In `metrics.parquet`, the comparison, both tables, the docs and the command line."""
    h = random_histogram(np.random.default_rng(0), bits=8, size=300, queries=24)
    key = dict.fromkeys(CELL_KEY, "x") | {"bits": 8, "seed": 0}
    figures, by_query = evaluate(h, h)
    write_metrics(tmp_path / "metrics.parquet", [(key, figures)], ())
    ((_, cell),) = iter_metrics(tmp_path / "metrics.parquet")
    methods = differences.methods([(key, pa.table({"query_id": range(24), **by_query}))])
    table = comparison.compare([cell], methods)
    expected = sys.modules["l2h_plugin_toy_metric"].r_precision(h).mean()
    assert table["r_precision"].tolist() == [expected]
    assert list(table)[list(table).index("nothing_chosen") + 1] == "r_precision"  # after those of the package
    shown = table_of_report([table], {})
    column = {"name": "r_precision", "metric": "r_precision", "k": 0, "head": "R-precision", "figure": "%.3f"}
    assert column in shown["columns"]
    cost_columns.write_table(cost_columns.join(table, []), tmp_path / "table.md")
    head, _, row = (tmp_path / "table.md").read_text().splitlines()
    cells = dict(zip(*(re.findall(r"[^|]+", line) for line in (head, row)), strict=True))
    assert {name.strip(): value.strip() for name, value in cells.items()}["R-prec"] == f"{expected:.3f}"
    assert "| `r_precision` | R-precision | higher | histogram |" in documented()
    assert main(["metrics", "r_precision"]) == 0
    assert (
        "source: Buckley & Voorhees, SIGIR 2000\ncomputed on: histogram\ncolumns: r_precision\n"
        in capsys.readouterr().out
    )


def documented():
    """The page of the docs that lists metrics."""
    spec = spec_from_file_location("generate", ROOT / "docs/generate.py")
    generate = module_from_spec(spec)
    spec.loader.exec_module(generate)
    return generate.metrics_page()


def test_the_docs_list_each_metric_and_its_columns():
    page = documented()
    for name, metric in metrics.registered().items():
        assert f"\n| `{name}` | {metric.axis} |" in page
    for name in metrics.columns():
        assert f"`{re.sub('_at_[0-9]+$', '_at_<k>', name)}`" in page


@pytest.mark.usefixtures("own_plugins")
@pytest.mark.parametrize(
    ("name", "wrong", "words"),
    [
        ("map", {}, "the metric 'map' exists already .l2h.metrics.of_rankings:average_precision.; choose another name"),
        (
            "map_at",
            {"at": (metrics.At(100),), "columns": {"map_at_100": metrics.At(100)}},
            "map has the column 'map_at_100'",
        ),
        ("mine", {"better": "more"}, "metric mine: better must be one of 'higher', 'lower', '', got 'more'"),
        ("mine", {"of": "labels"}, "metric mine: of must be one of 'ranking', 'selection', 'histogram', 'codes'"),
        ("mine", {"formula": ""}, "metric mine: formula is empty; describe the metric"),
    ],
)
def test_an_invalid_description_is_one_line(name, wrong, words):
    description = {"axis": "a", "better": "higher", "formula": "f", **wrong}
    with pytest.raises(L2HError, match=words):
        metrics.register(name, **description)(lambda h: 1)


@pytest.mark.usefixtures("own_plugins")
def test_a_function_that_returns_a_table_is_named():
    metrics.register("mine", axis="a", better="higher", formula="f", of="histogram")(lambda h: h.total)
    h = RankHistogram(np.array([[3, 2]]), np.array([[1, 0]]))
    with pytest.raises(
        L2HError, match=r"metric mine: its function returned shape \(1, 2\); it must return one value a query"
    ):
        evaluate(h, h)


@pytest.mark.usefixtures("own_plugins")
def test_the_docs_examples_of_metrics_are_right(tmp_path):
    blocks = re.findall(r"^```python\n(.*?)^```", (ROOT / "docs/how-to/adding-a-metric.md").read_text(), re.M | re.S)
    for number, block in enumerate(blocks):
        path = tmp_path / f"metric_of_the_docs_{number}.py"
        path.write_text(block)
        plugins.load([str(path)])
    h = RankHistogram(np.array([[50, 60]]), np.array([[0, 30]]))
    found = {(one["metric"], one["k"]): one["value"] for one in evaluate(h, h).figures}
    assert found["same_code", None] == 50 / 110
    precision, recall = (50 * 30 / 60) / 100, (50 * 30 / 60) / 30
    assert found["f1", 100] == pytest.approx(2 / (1 / precision + 1 / recall))
    assert found["f1", 1000] is None
    assert {"f1_at_100", "f1_at_1000"} <= set(metrics.columns())
