"""Costs: what is measured and how often, never how long it took."""

import numpy as np
import pytest
import torch
from torch import nn

from l2h import codes, costs, hashing, timing


def test_a_call_is_warmed_up_and_repeated(monkeypatch):
    clock = iter(np.arange(0, 1000, 0.5))
    monkeypatch.setattr(timing.time, "perf_counter", lambda: next(clock))
    calls = []
    measured = timing.measure(lambda: calls.append(1))
    assert measured == timing.Timing(0.5, 0.5, timing.LEAST)  # of slow calls the least number
    assert len(calls) == timing.LEAST + 1


def test_quick_calls_are_repeated_often():
    assert timing.measure(lambda: None).repeats == timing.MOST


def test_per_image_costs_are_those_of_one_and_of_the_best_batch(monkeypatch):
    seconds = {1: 2.0, 4: 4.0, 16: 8.0, 128: 128.0}
    seen = []

    def measure(call):
        call()
        return timing.Timing(seconds[seen[-1]], 2 * seconds[seen[-1]], 7)

    monkeypatch.setattr(costs, "measure", measure)
    rows = {
        row["quantity"]: row for row in costs.per_image("hash", lambda batch: seen.append(len(batch)), np.zeros(200))
    }
    assert {name: row["value"] for name, row in rows.items()} == {
        "hash_batch1": 2,
        "hash_batch1_p95": 4,
        "hash_best": 0.5,
        "hash_best_p95": 1,
        "hash_best_batch": 16,
    }
    assert {row["repeats"] for row in list(rows.values())[:4]} == {7}
    seen.clear()
    costs.per_image("hash", lambda batch: seen.append(len(batch)), np.zeros(9))
    assert seen == [1, 4]  # no batch larger than there are images


@pytest.mark.parametrize("bits", [8, 12, 64])
def test_search_finds_what_its_recall_says(bits):
    rng = np.random.default_rng(0)
    database, queries = (rng.random((n, bits)) < 0.5 for n in (600, 20))
    packed = codes.pack(database), codes.pack(queries)
    rows = {row["quantity"]: row["value"] for row in costs.search(*packed, bits, k=10)}
    names = ("flat", "ivf", "hnsw", "multihash")
    what = ("p50", "p99", "rate", "build", "bytes", "recall")
    assert set(rows) == {f"search_{name}_{kind}" for name in names for kind in what}
    assert rows["search_flat_recall"] == 1
    distances = (queries[:, None] != database).sum(axis=2)
    bound = np.sort(distances, axis=1)[:, 9:10]
    for name, index in costs.indexes(packed[0].shape[1] * 8, bits, 600).items():
        costs.build(index, packed[0])
        found = index.search(packed[1], 10)[1]
        right = [
            [item >= 0 and distances[query, item] <= bound[query, 0] for item in some]
            for query, some in enumerate(found.tolist())
        ]
        assert rows[f"search_{name}_recall"] == pytest.approx(np.mean(right), abs=0.02)


def test_float_search_says_how_many_items_it_searched():
    features = np.random.default_rng(0).normal(size=(50, 6)).astype(np.float32)
    rows = {row["quantity"]: row["value"] for row in costs.float_search(features, features[:5])}
    assert (rows["search_float_items"], rows["search_float_bytes"]) == (50, 50 * 6 * 4)


def test_a_training_s_seconds_are_those_of_the_processor_and_of_the_clock(monkeypatch):
    monkeypatch.setattr(timing.time, "process_time", iter([1.0, 5.5]).__next__)
    monkeypatch.setattr(timing.time, "perf_counter", iter([2.0, 7.25]).__next__)
    result, rows = timing.training(lambda: "a model", {"method": "lsh"})
    assert result == "a model"
    row = {"method": "lsh", "unit": "s", "repeats": 1, "hardware": timing.processor()}
    assert rows == [
        {**row, "quantity": "training_processor", "value": 4.5},
        {**row, "quantity": "training_wall", "value": 5.25},
    ]


def test_a_cell_has_hashing_storage_and_search():
    X = np.random.default_rng(0).normal(size=(130, 20)).astype(np.float32)
    hasher = hashing.make("lsh", bits=12, random_state=0).fit(X)
    packed = hasher.transform(X)
    hashed = costs.per_image("hash", hasher.transform, X)
    rows = {row["quantity"]: row for row in costs.cell(hashed, 12, packed, packed[:5])}
    assert rows["bytes_per_item"]["value"] == 2
    assert {"hash_batch1", "hash_best", "search_flat_p50"} <= set(rows)


def test_backbone_and_preprocessing_apart():
    sizes = {"preprocess": [], "backbone": []}

    class Network(nn.Module):
        def forward(self, images):
            sizes["backbone"].append(tuple(images.shape))
            return images.flatten(1)

    images = np.zeros((20, 8, 8), np.uint8)
    rows = costs.backbone(
        Network(), images, size=16, mean=(0, 0, 0), std=(1, 1, 1), precision="fp32", device=torch.device("cpu")
    )
    assert {row["quantity"] for row in rows} >= {"preprocess_batch1", "preprocess_best", "backbone_best_batch"}
    assert set(sizes["backbone"]) == {(size, 3, 16, 16) for size in (1, 4, 16)}
