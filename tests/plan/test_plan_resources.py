"""Jobs request more for more work, and more after a kill; every rule requests something."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from l2h.plan.resources import MEGABYTES, MINUTES, Sizes, megabytes, minutes, sizes
from l2h.splits import Protocol, make_split
from l2h.store.features import write_features
from l2h.store.manifests import read_manifest, write_manifest
from l2h.store.splits import write_split

CIFAR10 = Sizes(images=60_000, width=9216, query=1000, train=10_000, database=59_000, bits=64, all_bits=64, cells=1)
# What CIFAR-10's benchmark files showed: peak megabytes and minutes.
MEASURED = {"train": (2350, 19), "encode": (280, 1), "rank": (320, 1), "evaluate": (240, 1), "check_split": (220, 1)}


@pytest.fixture
def files(tmp_path) -> dict[str, str]:
    paths = {name: str(tmp_path / f"{name}.parquet") for name in ("manifest", "split", "features")}
    hashes = [number.to_bytes(32, "big") for number in range(50)]
    write_manifest(paths["manifest"], hashes, [[row % 2] for row in range(50)], ["x"] * 50)
    split = make_split(read_manifest(paths["manifest"]), "some", Protocol(query=10, train=20), 0)
    write_split(paths["split"], split)
    write_features(paths["features"], [(np.arange(50), np.zeros((50, 7)))], "float16", {})
    return paths


def test_sizes_come_from_the_files(files, tmp_path):
    (tmp_path / "weights").write_bytes(bytes(3_000_000))
    found = sizes({**files, "weights": str(tmp_path / "weights"), "codes": "not looked at"}, [8, 4])
    assert found == Sizes(images=50, width=7, query=10, train=20, database=40, weights=3, bits=8, all_bits=12, cells=2)
    assert sizes({**files, "mirrored": "too"}).train == 40


def test_missing_files_have_no_size(files):
    with pytest.raises(FileNotFoundError) as error:
        sizes({**files, "features": "later"})
    assert error.value.filename == "later"  # by this Snakemake knows to ask again


def test_an_unreadable_file_is_left_to_the_job(files):
    for name in files:
        with open(files[name], "r+b") as file:
            file.truncate(100)
    assert sizes(files) == Sizes()


def test_a_file_of_another_kind_is_left_to_the_job(files):
    pa.parquet.write_table(pa.table({"id": [1]}), files["split"])
    pa.parquet.write_table(pa.table({"id": [1]}), files["features"])
    assert sizes(files) == Sizes()


@pytest.mark.parametrize("rule", MEASURED)
def test_requests_are_slightly_above_measurements(rule):
    peak, time = MEASURED[rule]
    around = 560  # the Snakemakes of a cluster's job
    assert 1.3 * peak + around < megabytes(rule, CIFAR10, 1) < 3 * peak + 2 * around
    assert 2 * time < minutes(rule, CIFAR10, 1)


@pytest.mark.parametrize("rule", MEGABYTES)
def test_a_retry_asks_for_more(rule):
    assert [megabytes(rule, CIFAR10, attempt) / megabytes(rule, CIFAR10, 1) for attempt in (2, 3)] == [2, 4]
    assert [minutes(rule, CIFAR10, attempt) / minutes(rule, CIFAR10, 1) for attempt in (2, 3)] == [2, 3]


@pytest.mark.parametrize(
    ("rule", "more"),
    [
        ("train", {"train": 100_000}),
        ("rank", {"database": 10**7}),
        ("evaluate", {"query": 10_000}),
        ("features", {"weights": 500}),
    ],
)
def test_more_work_asks_for_more(rule, more):
    assert megabytes(rule, replace(CIFAR10, **more), 1) > megabytes(rule, CIFAR10, 1) + 100


def test_memory_and_time_are_estimated_for_the_same_rules():
    assert set(MEGABYTES) == set(MINUTES)
