"""Exact search against the formulas of cosine and Euclidean distance."""

import numpy as np
import pytest

from l2h import hashing
from methods import defaults


def test_scores_are_the_textbook_s(digits):
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


@pytest.mark.parametrize("name", ["cosine", "l2"])
def test_defaults_are_those_of_the_results_in_the_docs(name):
    assert defaults(name) == {"bits": 0, "random_state": None}
