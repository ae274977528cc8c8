"""The trace of trainings on small sets, beside what `fit` gives."""

import numpy as np
import pandas as pd
import pytest

import l2h
from l2h import hashing


def test_small_sets_traces_every_epoch_and_goes_on(digits, tmp_path, run_inside):
    trace, features = tmp_path / "trace.csv", digits / "features/pixels.parquet"
    sizes = ("--images", 60, "--queries", 50, "--database", 200, "--epochs", 3, "--bits", 8, "--seeds", 1)
    options = ("--trace", trace, *sizes, "--rates", 0.01, 0.001)
    run_inside("small_sets", features, *options, "--methods", "bihalf")
    first = trace.read_bytes()
    run_inside("small_sets", features, *options, "--methods", "bihalf", "orthohash")
    assert trace.read_bytes().startswith(first)
    table = pd.read_csv(trace)
    assert table.groupby(["method", "lr", "rows"]).size().tolist() == [3] * 8
    assert table["score"].notna().equals(table["rows"] == "rest")
    assert table.loc[table["epoch"] == 3, "map"].between(0.1, 1).all()


@pytest.mark.parametrize("method", ["csq", "sdc"])
def test_the_trace_of_small_sets_holds_what_fit_gives(method, digits, tmp_path, run_inside):
    """With its validation part, and without one."""
    trace, features = tmp_path / "trace.csv", digits / "features/pixels.parquet"
    options = ("--images", 100, "--queries", 50, "--database", 200, "--epochs", 4, "--bits", 8)
    module = run_inside(
        "small_sets", features, "--trace", trace, *options, "--seeds", 1, "--methods", method, "--rates", 0.01
    )
    table = pd.read_csv(trace).set_index(["rows", "epoch"])
    data = module.draw(*module.read_pool(features)[1:], 1, 100, 50, 300)
    for rows, params in (("rest", {}), ("all", {"validation": 0})):
        hasher = hashing.make(method, bits=8, random_state=1, epochs=4, lr=0.01, **params).fit(*data.train)
        codes = [hasher.transform(part) for part, _ in (data.query, data.database)]
        labels = data.query[1], data.database[1]
        values = l2h.evaluate(*codes, *labels, bits=8, trained_on=np.arange(300) < 100)
        epoch = hasher.selection_["epochs"] if hasher.selection_ else 4
        for name, metric in (("map", "map"), ("unseen", "map_unseen")):
            assert table.loc[(rows, epoch), name] == pytest.approx(values.value(metric), abs=2e-3)
