"""Comparisons with peers run at tiny size, and end with an error if a peer's result differs."""

import sys

import numpy as np
import pytest
from torch import nn

from l2h import codes, hashing
from l2h.ranking import rank_histogram


@pytest.fixture
def ranking(load):
    return load("ranking_faiss")


@pytest.mark.parametrize("labels", [10, 81])
def test_faiss_ranks_as_l2h_does(ranking, labels):
    tasks = ranking.compare(10, 300, labels, repeats=1, threads=1)
    assert list(tasks) == [
        "mAP@100",
        "precision within radius 2",
        "precision within radius 24",
        "mAP of the whole ranking",
    ]


@pytest.fixture
def ranked(ranking):
    """A rank histogram, the true ranking, and sets of labels."""
    rng = np.random.default_rng(0)
    packed = [rng.integers(0, 256, (n, 8), dtype=np.uint8) for n in (5, 40)]
    labels = [rng.integers(0, 3, n) for n in (5, 40)]
    h = rank_histogram(*packed, *labels, bits=64)
    distances = np.bitwise_count(packed[0][:, None] ^ packed[1]).sum(axis=2, dtype=np.int64)
    ids = distances.argsort(axis=1)
    return h, np.take_along_axis(distances, ids, axis=1), ids, [ranking.words(some) for some in labels]


@pytest.mark.parametrize("k", [10, 40])
def test_wrong_distances_or_ids_of_the_nearest_are_noticed(ranking, ranked, k):
    h, distances, ids, sets = ranked
    distances, ids = distances[:, :k], ids[:, :k]
    ranking.check_nearest(h, distances, ids, *sets)
    farther = distances.copy()
    farther[2, -1] += 1
    for wrong in ((farther, ids), (distances[:, ::-1], ids), (distances, (ids + 1) % 40)):
        with pytest.raises(SystemExit, match=f"the ranking at k = {k} is not"):
            ranking.check_nearest(h, *wrong, *sets)


def test_a_missing_item_within_a_radius_is_noticed(ranking, ranked):
    h, distances, ids, sets = ranked
    inside = distances <= 30
    limits, found = np.concatenate([[0], inside.sum(axis=1).cumsum()]).astype(np.uint64), ids[inside]
    ranking.check_within(h, 30, limits, found, *sets)
    with pytest.raises(SystemExit, match="within radius 29 are not"):
        ranking.check_within(h, 29, limits, found, *sets)
    other = (found + 1) % 40
    with pytest.raises(SystemExit, match="within radius 30 are not"):
        ranking.check_within(h, 30, limits, other, *sets)


@pytest.mark.parametrize("method", ["lsh", "itq"])
def test_numpy_and_faiss_encode_as_l2h_does(load, method):
    encoding = load("encoding")
    X = np.random.default_rng(0).standard_normal((50, 24), dtype=np.float32) + 1
    hasher = hashing.make(method, bits=16, random_state=0).fit(X)
    assert list(encoding.measure(hasher, X, 1, 1)) == ["l2h", "numpy", "numpy, scores of the mean", "faiss"]
    wrong = codes.unpack(hasher.transform(X), 16)
    bit = np.unravel_index(np.abs(hasher.decision_function(X)).argmax(), wrong.shape)
    wrong[bit] ^= True
    with pytest.raises(SystemExit, match="codes by 'faiss' have 1 wrong bits of 800"):
        encoding.check(hasher, X, {"l2h": hasher.transform(X), "faiss": codes.pack(wrong)})


@pytest.mark.parametrize("wrong", [False, True])
def test_torchvision_without_normalisation_is_noticed(load, monkeypatch, capsys, wrong):
    extraction = load("extraction")
    small = nn.Sequential(nn.AvgPool2d(56), nn.Flatten())  # as AlexNet takes long
    monkeypatch.setattr(extraction, "network_of", lambda backbone: small)
    monkeypatch.setattr(extraction, "product", lambda: None)
    in_process = extraction.DataLoader  # to start workers takes long, too
    monkeypatch.setattr(extraction, "DataLoader", lambda data, batch, num_workers: in_process(data, batch))
    if wrong:
        monkeypatch.setattr(extraction.v2, "Normalize", lambda *_: nn.Identity())
        with pytest.raises(
            SystemExit, match="features by 'l2h, fp32' differ from those by 'torchvision, one at a time'"
        ):
            extraction.compare_arrays(2, 1)
    else:
        rows = extraction.compare_jpegs(2, 1)
        assert [task for _, task, _ in rows] == ["AlexNet's fc7, JPEG files of 375 x 500"] * 2
        assert capsys.readouterr().out.count("\n| DataLoader, 2 workers") == 2


def test_without_faiss_its_rows_are_left_out(load, ranking, monkeypatch, capsys):
    monkeypatch.setattr(ranking, "find_spec", lambda name: None)
    monkeypatch.setattr(sys.modules[ranking.options.__module__], "limit_threads", lambda n: None)
    monkeypatch.setattr(sys, "argv", ["ranking_faiss.py"])
    ranking.main()
    assert "faiss is left out: it is not installed." in capsys.readouterr().out
    assert "without no-such-package, which is not installed" in load("common").machine(1, "no-such-package")


def test_a_row_by_peer_has_the_command_that_gave_it(load, monkeypatch, capsys):
    common = load("common")
    monkeypatch.setattr(sys, "argv", ["/some/folder/ranking.py", "--threads", "2"])
    common.by_peer([("faiss", "mAP@100", "2.5")])
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == "| faiss | mAP@100 | 2.5 | `python benchmarks/ranking.py --threads 2` |"
