"""The choice of head, learning rate and number of epochs on a validation part of the training images."""

import json
import logging

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from l2h import hashing
from l2h.errors import L2HError
from l2h.hashing.deep import selection
from l2h.hashing.deep.bihalf import BiHalfLoss
from l2h.hashing.deep.greedyhash import GreedyHashLoss
from l2h.hashing.deep.selection import NoChoiceError, validation_part
from l2h.hashing.deep.training import Trainer
from methods import DEEP


@pytest.fixture(scope="module")
def digits(digits):
    X, y = digits
    return X[:300], y[:300]


def make(name, **params):
    return hashing.make(name, **{"bits": 8, "random_state": 0, "epochs": 4, "hidden": 16, **params})


def test_the_choice_and_its_curves_are_kept_with_the_model(digits, tmp_path):
    X, y = digits
    hasher = make("hashnet", scope="auto", lr=[1e-2, 1e-4], hidden=[8, 16], validation=0.2).fit(X, y)
    chosen = hasher.selection_
    combinations = [(hidden, lr) for hidden in (0, 8, 16) for lr in (1e-2, 1e-4)]
    assert [(curve["hidden"], curve["lr"]) for curve in chosen["curves"]] == combinations
    assert all(len(curve["scores"]) == 4 for curve in chosen["curves"])
    best = max(chosen["curves"], key=lambda curve: max(curve["scores"]))
    assert (chosen["hidden"], chosen["lr"]) == (best["hidden"], best["lr"])
    assert chosen["epochs"] == best["scores"].index(max(best["scores"])) + 1
    assert chosen["images"] == 60
    assert hasher.hidden_intercept_.shape == (chosen["hidden"],)
    hasher.save(tmp_path / "model")
    assert json.loads((tmp_path / "model" / "model.json").read_text())["selection"] == chosen


def test_the_head_is_kept_as_it_was_after_its_best_epoch(digits):
    """The same training, stopped there, gives the same head: what follows the best epoch leaves no trace."""
    X, y = digits
    long = make("dsh", scope="mlp", lr=3e-2, epochs=12).fit(X, y)
    best = long.selection_["epochs"]
    assert best < 12
    short = make("dsh", scope="mlp", lr=3e-2, epochs=best).fit(X, y)
    assert short.selection_["epochs"] == best
    assert np.array_equal(short.decision_function(X), long.decision_function(X))


@pytest.mark.parametrize("name", DEEP)
def test_validation_images_are_not_trained_on(name, digits, monkeypatch):
    X, y = digits
    trained, scored, parts = [], [], []
    originals = Trainer.train, selection.validation_part, selection.criterion

    def train(self, rows, *arguments, **options):
        trained.append(rows)
        return originals[0](self, rows, *arguments, **options)

    def deal(*arguments):
        parts.append(originals[1](*arguments))
        return parts[-1]

    def criterion(*arguments):
        words, measure = originals[2](*arguments)
        return (
            words,
            lambda outputs, features, loss: scored.append(features.numpy()) or measure(outputs, features, loss),
        )

    monkeypatch.setattr(Trainer, "train", train)
    monkeypatch.setattr(selection, "validation_part", deal)
    monkeypatch.setattr(selection, "criterion", criterion)
    make(name, lr=(1e-2, 1e-3), validation=0.1).fit(X, y)
    ((validation, _),) = parts
    assert len(trained) == 2
    assert len(validation) == 30
    assert all(sorted([*rows, *validation]) == list(range(300)) for rows in trained)
    assert len(scored) == 2 * 4
    assert all(np.array_equal(features, X[validation]) for features in scored)


def test_methods_that_see_no_labels_choose_by_their_loss(digits):
    X, y = digits
    blind = make("bihalf", lr=(1e-2, 1e-4), validation=0.5, batch_size=40).fit(X)
    assert blind.selection_["criterion"] == "minus the loss"
    assert blind.selection_ == make("bihalf", lr=(1e-2, 1e-4), validation=0.5, batch_size=40).fit(X, y).selection_
    assert make("dsh", lr=(1e-2, 1e-4)).fit(X, y).selection_["criterion"] == "mean average precision"
    order = np.random.default_rng(np.random.RandomState(0).randint(2**31)).permutation(300)[:150]
    parts = np.array_split(order, 4)
    scores = torch.tensor(blind.decision_function(X))
    losses = [blind.loss(None)(scores[part], torch.tensor(X[part]), None, 0) for part in parts]
    best = max(max(curve["scores"]) for curve in blind.selection_["curves"])
    assert best == pytest.approx(-float(torch.stack(losses).mean()), rel=1e-5)


def test_the_loss_that_chooses_sees_classes_side_by_side_in_a_dataset_sorted_by_class(monkeypatch):
    classes = np.repeat(np.arange(4), 75)
    seen, loss = [], BiHalfLoss.__call__

    def call(self, outputs, features, rows, epoch):
        if not outputs.requires_grad:
            seen.append(torch.unique(features.argmax(1)).tolist())
        return loss(self, outputs, features, rows, epoch)

    monkeypatch.setattr(BiHalfLoss, "__call__", call)
    make("bihalf", lr=1e-3, validation=0.5, batch_size=40).fit(np.eye(4, dtype=np.float32)[classes] + 1)
    assert len(seen) >= 4 * 4
    assert all(batch == [0, 1, 2, 3] for batch in seen)


def test_a_rate_that_diverges_is_out(digits, caplog):
    X, y = digits
    caplog.set_level(logging.INFO, "l2h")
    hasher = make("dsh", lr=(1e30, 1e-2)).fit(X, y)
    assert hasher.selection_["lr"] == 1e-2
    assert "lower lr (now 1e+30)" in caplog.text
    with pytest.raises(L2HError, match=r"training diverged at once with every lr, 1e\+30, 1e\+31; set lower ones"):
        make("dsh", lr=(1e30, 1e31)).fit(X, y)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (np.arange(20), "validation=0.1 of 20 training images, too small a part; set validation: 0"),
        (np.arange(0, 40), "validation=0.1 of 40 training images, of which no two share a label; set validation: 0"),
    ],
)
def test_where_nothing_can_be_chosen_all_images_are_trained_on_and_the_model_says_so(rows, words, digits, caplog):
    X, _ = digits
    y = np.arange(len(rows)) // 2  # two images a class
    hasher = make("dsh", scope="auto", lr=(1e-2, 1e-4), validation=0.1).fit(X[rows], y)
    assert words in caplog.text
    record = hasher.selection_
    assert words in record.pop("not_chosen")
    assert record == {"hidden": 0, "lr": 1e-2, "epochs": 4, "criterion": None, "images": 0}
    plain = make("dsh", scope="linear", lr=1e-2, validation=0).fit(X[rows], y)
    assert np.array_equal(hasher.transform(X), plain.transform(X))


@given(st.data())
def test_images_that_validate_are_paired_and_leave_two_of_each_label(data):
    n = data.draw(st.integers(20, 120))
    several = data.draw(st.booleans())
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    classes = data.draw(st.integers(1, n // 2))
    labels = rng.random((n, classes)) < 0.1 if several else np.eye(classes, dtype=bool)[rng.integers(0, classes, n)]
    share = data.draw(st.sampled_from([0.1, 0.2, 0.5]))
    blind, _ = validation_part(n, 0.2, 3)
    assert np.array_equal(blind, np.random.default_rng(3).permutation(n)[: round(0.2 * n)])

    def alone(rows):
        return [row for row in rows if not (labels[rows[rows != row]] & labels[row]).any()]

    drawn = np.random.default_rng(3).permutation(n)[: round(share * n)]
    try:
        validation, rest = validation_part(n, share, 3, labels)
    except NoChoiceError:
        assert len(drawn) < 3 or len(alone(drawn)) == len(drawn)
        return
    assert sorted([*validation, *rest]) == list(range(n))
    assert len(validation) == round(share * n)
    assert len(alone(validation)) <= len(alone(drawn))
    if not alone(drawn):
        assert np.array_equal(validation, drawn)
    came = np.setdiff1d(validation, drawn)
    assert (labels[rest].sum(axis=0)[labels[came].any(axis=0)] >= 2).all()


@pytest.mark.parametrize("each", [4, 10])
def test_of_many_classes_those_that_validate_come_in_pairs(each):
    labels = np.eye(40, dtype=bool)[np.repeat(np.arange(40), each)]
    validation, rest = validation_part(40 * each, 0.1, 0, labels)
    assert len(validation) == 4 * each
    assert (labels[validation].sum(axis=0) == 1).sum() <= 1  # of an odd number
    assert labels[rest].sum(axis=0).min() >= 1


def test_the_loss_that_decides_among_equals_has_the_trained_classifier(digits):
    """Not a new random one: then it would be near ln 10 at the end too."""
    X, y = digits
    losses = []
    original = GreedyHashLoss.__call__

    def call(self, outputs, *arguments):
        found = original(self, outputs, *arguments)
        if not outputs.requires_grad:
            losses.append(found.item())
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(GreedyHashLoss, "__call__", call)
        make("greedyhash", lr=1e-2, epochs=20, validation=0.2).fit(X, y)
    assert losses[0] > 1.5
    assert losses[-1] < 1.3


@pytest.mark.parametrize("name", ["dsh", "hashnet"])
def test_among_equal_scores_the_lowest_loss_is_kept(name):
    """Two classes that anything tells apart: mAP is 1 from the first epochs on, and the loss still falls."""
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], 40)
    X = (rng.normal(size=(80, 16)) + 4 * y[:, None]).astype(np.float32)
    record = make(name, epochs=30, lr=1e-3, validation=0.2).fit(X, y).selection_
    (curve,) = record["curves"]
    assert max(curve["scores"]) == 1
    assert record["tied"] == curve["scores"].count(1) > 5
    assert record["epochs"] > 1 + curve["scores"].index(1) + 5


def test_the_score_against_plain_loops():
    rng = np.random.default_rng(0)
    for n, width in ((2, 3), (9, 2), (20, 6)):
        bits, relevant = rng.random((n, width)) < 0.5, rng.random((n, n)) < 0.3
        expected = []
        for i in range(n):
            others = [(sum(bits[i] != bits[j]), relevant[i, j]) for j in range(n) if j != i]
            hits = [distance for distance, right in others if right]
            precisions = [
                sum(hit <= distance for hit in hits) / sum(other <= distance for other, _ in others)
                for distance in hits
            ]
            expected += [sum(precisions) / len(precisions)] if hits else []
        score = selection.mean_average_precision(torch.tensor(bits), relevant)
        assert score == pytest.approx(sum(expected) / len(expected) if expected else 0)
