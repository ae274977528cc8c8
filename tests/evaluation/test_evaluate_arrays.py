"""`l2h.evaluate`: arrays of codes in any form give the values of the pipeline."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import l2h
from l2h import codes
from l2h.evaluation.cell import evaluate as evaluate_rankings
from l2h.metrics import average_precision
from l2h.ranking import rank_histogram


@pytest.fixture
def data():
    """Codes of 11 bits as scores, and labels."""
    rng = np.random.default_rng(0)
    return rng.normal(size=(7, 11)), rng.normal(size=(50, 11)), rng.integers(0, 3, 7), rng.integers(0, 3, 50)


def test_evaluate_matches_the_pipeline(data):
    query, database, query_labels, database_labels = data
    packed = [codes.pack(scores > 0) for scores in (query, database)]
    trained_on = np.arange(50) < 20
    histograms = [
        rank_histogram(packed[0], packed[1][rows], query_labels, database_labels[rows], bits=11)
        for rows in (np.ones(50, bool), ~trained_on)
    ]
    expected = evaluate_rankings(*histograms, packed[1])
    found = l2h.evaluate(query, database, query_labels, database_labels, trained_on=trained_on)
    assert found.figures == expected.figures
    assert found.by_query["average_precision_unseen"].tolist() == average_precision(histograms[1]).tolist()


@pytest.mark.parametrize("form", ["bool", "0 and 1", "-1 and 1", "scores", "packed", "packed, padding set"])
def test_every_form_of_codes_gives_the_same_values(data, form):
    query, database, *labels = data

    def formed(scores):
        bits = scores > 0
        packed = codes.pack(bits)
        packed[:, -1] |= 0xF8 if "set" in form else 0  # the last three of 11 bits are used
        kinds = {"bool": bits, "0 and 1": bits.astype(np.uint8), "-1 and 1": np.where(bits, 1, -1), "scores": scores}
        return kinds.get(form, packed)

    given = l2h.evaluate(formed(query), formed(database), *labels, bits=11 if "packed" in form else None)
    assert given.figures == l2h.evaluate(query, database, *labels).figures


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.booleans())
def test_neighbours_give_the_same_values_as_labels(seed, split):
    rng = np.random.default_rng(seed)
    query, database = rng.normal(size=(3, 5)), rng.normal(size=(12, 5))
    database_labels = rng.permutation(np.repeat([0, 1, 2], 4))
    neighbours = np.array([np.flatnonzero(database_labels == label) for label in (0, 1, 2)])
    seen = {"trained_on": rng.random(12) < 0.5} if split else {}
    one = l2h.evaluate(query, database, [0, 1, 2], database_labels, **seen)
    other = l2h.evaluate(query, database, neighbours=neighbours, **seen)
    assert one.figures == other.figures


def test_value_takes_metric_k_ties_and_normalisation(data):
    found = l2h.evaluate(*data)
    rows = found.to_frame()
    assert rows.columns.tolist() == ["metric", "k", "ties", "normalise", "value"]
    assert len(rows) == len(found.figures)
    whole = rows[(rows["metric"] == "map") & rows["k"].isna()].set_index("ties")["value"]
    assert [found.value("map", ties=ties) for ties in ("worst", "expected", "best")] == [
        whole[ties] for ties in ("worst", "expected", "best")
    ]
    assert found.value("map") == pytest.approx(found.by_query["average_precision"].mean())
    assert np.isnan(found.value("map", k=1000))  # of a database of 50
    assert found.value("precision_in_radius", k=2) > 0
    with pytest.raises(KeyError, match="no value of 'map' at k 7"):
        found.value("map", k=7)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"query_codes": np.zeros((7, 10))}, r"database_codes is \(n, 10\), or packed uint8 \(n, 2\), got float64"),
        ({"database_codes": np.full((50, 11), np.nan)}, "database_codes has values that are not numbers"),
        ({"query_codes": np.full((7, 2), 200, np.uint8)}, "are packed: give their length as bits"),
        ({"database_codes": np.array([["a"]])}, "database_codes is"),
        ({"query_labels": None}, "give query_labels and database_labels, or neighbours"),
        ({"neighbours": [[1]] * 7}, "give query_labels and database_labels, or neighbours"),
        ({"trained_on": [1] * 50}, r"trained_on is bool \(50,\), got int64"),
    ],
)
def test_mismatched_arrays_are_one_line(data, change, words):
    names = ("query_codes", "database_codes", "query_labels", "database_labels")
    with pytest.raises(ValueError, match=words):
        l2h.evaluate(**{**dict(zip(names, data, strict=True)), **change})


@pytest.mark.parametrize(
    ("neighbours", "words"),
    [
        ([[50]] * 7, "rows of the database, 0 to 49"),
        ([[1, 1]] * 7, "names an item twice"),
        ([[1]] * 6, r"int \(7, r\), got int64 \(6, 1\)"),
    ],
)
def test_mismatched_neighbours_are_one_line(data, neighbours, words):
    with pytest.raises(ValueError, match=words):
        l2h.evaluate(*data[:2], neighbours=neighbours)


def test_evaluate_imports_neither_torch_nor_pandas():
    code = "import sys, l2h; l2h.evaluate; print(sorted({'torch', 'pandas', 'sklearn', 'numba'} & {*sys.modules}))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "[]\n"
