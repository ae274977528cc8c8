"""Metrics of codes against plain loops."""

import math
from collections import Counter

import numpy as np
import pytest

from l2h import codes
from l2h.evaluation.cell import evaluate
from l2h.metrics import Codes, registered
from l2h.ranking import rank_histogram


def computed(bits):
    """The metrics of codes, by name, from bool (n, bits)."""
    some = Codes(codes.pack(bits), bits.shape[1])
    return {name: metric.function(some) for name, metric in registered().items() if metric.of == "codes"}


def entropy(counts):
    total = sum(counts)
    return -sum(count / total * math.log2(count / total) for count in counts if count)


def test_metrics_of_codes_match_plain_loops():
    rng = np.random.default_rng(0)
    bits = rng.random((300, 11)) < rng.random(11)
    bits[:, 3] = bits[:, 5]
    bits[:, 7] = True
    bits[:, 8] = np.arange(300) == 0  # near-constant, not constant
    found = computed(bits)
    columns = bits.T.tolist()
    shares = [sum(column) / 300 for column in columns]
    assert found["bit_imbalance"] == pytest.approx(sum(abs(share - 0.5) for share in shares) / 11)
    assert found["bit_entropy"] == pytest.approx(sum(entropy([sum(c), 300 - sum(c)]) for c in columns) / 11)
    distinct = Counter(map(tuple, bits.tolist()))
    assert found["distinct_codes"] == len(distinct)
    assert found["code_entropy"] == pytest.approx(entropy(distinct.values()))
    assert found["near_constant_bits"] == sum(max(share, 1 - share) >= 0.99 for share in shares) >= 2
    varied = [column for column, share in zip(columns, shares, strict=True) if 0 < share < 1]
    pairs = [abs(np.corrcoef(a, b)[0, 1]) for i, a in enumerate(varied) for b in varied[:i]]
    assert found["bit_correlation"] == pytest.approx(sum(pairs) / len(pairs), abs=1e-5)


@pytest.mark.parametrize("bits", [1, 5])
def test_constant_codes_have_known_values(bits):
    found = computed(np.ones((20, bits), bool))
    assert found == {
        "bit_imbalance": 0.5,
        "bit_entropy": 0,
        "bit_correlation": 0,
        "code_entropy": 0,
        "distinct_codes": 1,
        "near_constant_bits": bits,
    }


def test_one_varying_bit_has_known_values():
    assert computed(np.array([[0, 1], [1, 1]], bool))["bit_correlation"] == 0


@pytest.mark.parametrize(("constant", "warned"), [(0, False), (2, False), (3, True), (8, True)])
def test_mostly_constant_codes_are_warned_of(constant, warned, caplog):
    rng = np.random.default_rng(0)
    bits = rng.random((300, 8)) < 0.5
    bits[:, :constant] = 0
    bits[:3, :constant] = 1  # 99% of 300 have the same
    codes_of_query = codes.pack(bits[:20])
    labels = rng.integers(0, 2, 300)
    h = rank_histogram(codes_of_query, codes.pack(bits), labels[:20], labels, bits=8)
    figures = {figure["metric"]: figure["value"] for figure in evaluate(h, h, codes.pack(bits)).figures}
    assert figures["near_constant_bits"] == constant
    words = f"{constant} of 8 bits have one value for at least 99% of the database"
    assert [words in record.getMessage() for record in caplog.records] == [True] * warned
