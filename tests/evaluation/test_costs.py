"""Costs: what is measured and how often; times are simulated."""

import numpy as np
import pytest
import torch
from torch import nn

from l2h import codes, hashing
from l2h.evaluation import costs, timing


def clocks(monkeypatch, *calls):
    """Let timed calls take these seconds of wall and CPU time, and everything else none."""
    now = {"perf_counter": 0.0, "process_time": 0.0}
    for name in now:
        monkeypatch.setattr(timing.time, name, lambda name=name: now[name])
    spent = iter(calls)

    def call():
        wall, cpu = next(spent)
        now["perf_counter"] += wall
        now["process_time"] += cpu

    return call


def test_the_fastest_repetition_after_a_warm_up_counts(monkeypatch):
    call = clocks(monkeypatch, (0.1, 0.1), (9, 1), (2, 2), (3, 3))  # of slow calls the least number
    assert timing.measure(call) == timing.Timing(2, 2, timing.LEAST)


def test_quick_calls_are_repeated_often():
    assert timing.measure(lambda: None).repeats == timing.MOST


@pytest.mark.parametrize(("cpu", "disturbed"), [(0.5, True), (0.85, True), (0.95, False), (1.9, False)])
def test_a_measurement_is_disturbed_if_its_fastest_repetition_waited_for_the_cpu(monkeypatch, cpu, disturbed):
    call = clocks(monkeypatch, (1, 1), (2, 0.1), (1, cpu), (3, 3))
    assert timing.measure(call).disturbed is disturbed


def test_per_image_costs_are_of_one_image_and_of_the_best_batch(monkeypatch):
    seconds = {1: 0.01, 16: 0.02, 128: 0.32}
    seen = []

    def measure(call):
        call()
        return timing.Timing(seconds[seen[-1]], seconds[seen[-1]] / seen[-1], 7)  # only one at a time undisturbed

    monkeypatch.setattr(costs, "measure", measure)

    def per_image(n):
        seen.clear()
        return costs.per_image("hash", lambda batch: seen.append(len(batch)), np.zeros(n))

    common = {"unit": "s/image", "repeats": 7}
    assert per_image(200) == [
        {**common, "quantity": "hash_batch1", "value": 0.01, "disturbed": False},
        {**common, "quantity": "hash_best", "value": 0.00125, "disturbed": True},
        {"quantity": "hash_best_batch", "unit": "images", "value": 16, "repeats": 1},
    ]
    assert seen == [1, 16, 128]
    per_image(19)
    assert seen == [1, 16]  # no batch larger than there are images
    seconds[16] = 2.0
    per_image(200)
    assert seen == [1, 16]  # none after a slow one


@pytest.mark.parametrize("bits", [8, 12, 64])
def test_an_index_has_the_stated_recall(bits):
    rng = np.random.default_rng(0)
    database, queries = (rng.random((n, bits)) < 0.5 for n in (600, 20))
    packed = codes.pack(database), codes.pack(queries)
    rows = {row["quantity"]: row for row in costs.index_search(*packed, bits)}
    what = ("rate", "build", "bytes", "recall")
    assert set(rows) == {f"search_{name}_{kind}" for name in ("ivf", "hnsw", "multihash") for kind in what}
    assert {row["items"] for row in rows.values()} == {600}
    distances = (queries[:, None] != database).sum(axis=2)
    bound = np.sort(distances, axis=1)[:, costs.FIRST - 1 : costs.FIRST]
    for name, index in costs.indexes(bits, 600).items():
        if not index.is_trained:
            index.train(packed[0])
        index.add(packed[0])
        found = index.search(packed[1], costs.FIRST)[1]
        right = [
            [item >= 0 and distances[query, item] <= bound[query, 0] for item in some]
            for query, some in enumerate(found.tolist())
        ]
        assert rows[f"search_{name}_recall"]["value"] == pytest.approx(np.mean(right), abs=0.02)


@pytest.mark.parametrize(("size", "items"), [(7, costs.ITEMS), (costs.ITEMS + 1, costs.ITEMS + 1)])
def test_exhaustive_search_is_timed_on_a_million_codes_at_least(size, items):
    row = costs.exhaustive_search(12, size)
    assert (row["quantity"], row["unit"], row["items"]) == ("search_flat_rate", "queries/s", items)
    assert row["repeats"] >= timing.LEAST
    assert isinstance(row["disturbed"], bool)


def test_float_search_is_timed_on_the_given_database():
    features = np.random.default_rng(0).normal(size=(50, 6)).astype(np.float32)
    rate, size = costs.float_search(features, features[:1])
    assert (rate["quantity"], rate["items"]) == ("search_float_rate", 50)
    assert (size["quantity"], size["items"], size["value"]) == ("search_float_bytes", 50, 50 * 6 * 4)


def test_training_is_measured_in_cpu_and_wall_seconds(monkeypatch):
    call = clocks(monkeypatch, (5.25, 4.5))
    result, rows = timing.training(lambda: call() or "a model", {"method": "lsh"})
    assert result == "a model"
    row = {"method": "lsh", "unit": "s", "repeats": 1, "hardware": timing.processor()}
    assert rows == [
        {**row, "quantity": "training_processor", "value": 4.5, "disturbed": False},
        {**row, "quantity": "training_wall", "value": 5.25, "disturbed": True},
    ]


def test_a_cell_has_costs_of_hashing_storage_and_search():
    X = np.random.default_rng(0).normal(size=(130, 20)).astype(np.float32)
    hasher = hashing.make("lsh", bits=12, random_state=0).fit(X)
    packed = hasher.transform(X)
    hashed = costs.per_image("hash", hasher.transform, X)
    rows = {row["quantity"]: row for row in costs.cell(hashed, 12, packed, packed[:5])}
    assert rows["bytes_per_item"]["value"] == 2
    assert {"hash_batch1", "hash_best", "search_hnsw_recall"} <= set(rows)


def test_backbone_and_preprocessing_are_timed_separately():
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
    assert set(sizes["backbone"]) == {(size, 3, 16, 16) for size in (1, 16)}
