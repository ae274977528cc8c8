"""Heads of deep methods, and how they are chosen on a validation part of the training images."""

import json
import logging

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.datasets import load_digits
from torch.utils._python_dispatch import TorchDispatchMode

from l2h import hashing
from l2h.errors import L2HError
from l2h.hashing.deep import selection
from l2h.hashing.deep.bihalf import BiHalfLoss
from l2h.hashing.deep.dsh import DSHLoss
from l2h.hashing.deep.greedyhash import GreedyHashLoss
from l2h.hashing.deep.selection import NoChoiceError, validation_part
from l2h.hashing.deep.training import Trainer, adam, parameters_of, tensors_of
from l2h.metrics import average_precision
from l2h.ranking import rank_histogram

DEEP = ("bihalf", "dsh", "greedyhash", "hashnet", "orthohash")  # one of each kind: with own parameters, with batch norm


@pytest.fixture(scope="module")
def digits():
    data = load_digits()
    return data.data.astype(np.float32)[:300], data.target[:300]


def make(name, **params):
    return hashing.make(name, **{"bits": 8, "random_state": 0, "epochs": 4, "hidden": 16, **params})


@pytest.mark.parametrize("name", DEEP)
def test_a_hidden_layer_is_learned_saved_and_applied(name, digits, tmp_path):
    X, y = digits
    hasher = make(name, scope="mlp", lr=1e-2, validation=0).fit(X, y)
    hidden = np.maximum((X - X.mean(axis=0)) @ hasher.hidden_projection_ + hasher.hidden_intercept_, 0)
    expected = hidden @ hasher.projection_ + hasher.intercept_
    assert hasher.hidden_projection_.shape == (64, 16)
    assert np.allclose(hasher.decision_function(X), expected, atol=1e-4)
    hasher.save(tmp_path / "model")
    assert np.array_equal(hashing.load(tmp_path / "model").transform(X), hasher.transform(X))


@pytest.mark.parametrize("scope", ["linear", "mlp"])
@pytest.mark.parametrize("name", ["dsh", "orthohash"])
def test_what_is_learned_is_the_trained_head_with_scaling_and_batch_norm_folded_in(name, scope, digits, monkeypatch):
    X, y = digits
    trained = []
    original = Trainer.train

    def train(self, *arguments, **options):
        head = original(self, *arguments, **options)
        trained.append(head(self.inputs[0]).detach().numpy())
        return head

    monkeypatch.setattr(Trainer, "train", train)
    hasher = make(name, scope=scope, lr=1e-2, validation=0).fit(X, y)
    scores = hasher.decision_function(X)
    assert np.allclose(scores, trained[0], atol=1e-4)
    if name == "orthohash":  # its batch norm starts at mean 0, variance 1, and has the moments of all training images
        assert np.abs(scores.mean(axis=0)).max() < 0.2
        assert np.abs(scores.std(axis=0) - 1).max() < 0.2


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


def test_the_loss_that_chooses_sees_classes_side_by_side_in_a_data_set_sorted_by_class(monkeypatch):
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


def test_few_images_of_many_classes_are_learned_and_not_left_after_an_epoch_that_chance_chose():
    """Two training images each of 40 classes: no two of the 8 that would validate share one."""
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(40, 64)).astype(np.float32)
    y = np.repeat(np.arange(40), 4)
    X = centres[y] + 0.5 * rng.normal(size=(160, 64)).astype(np.float32)
    train, query = np.arange(160) % 4 < 2, np.arange(160) % 4 == 2
    packed = hashing.make("dsh", bits=16, random_state=0).fit(X[train], y[train]).transform(X)
    h = rank_histogram(packed[query], packed[~query], y[query], y[~query], bits=16)
    assert average_precision(h).mean() > 0.5


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


class Largest(TorchDispatchMode):
    """Notes how many values the largest tensor has that any operation makes."""

    values = 0

    def __torch_dispatch__(self, function, types, arguments=(), options=None):
        result = function(*arguments, **(options or {}))
        for tensor in result if isinstance(result, tuple | list) else (result,):
            if isinstance(tensor, torch.Tensor):
                self.values = max(self.values, tensor.numel())
        return result


def test_dsh_s_memory_does_not_grow_with_bank_times_bits_times_batch():
    images, bits, batch = 700, 48, 60
    loss = DSHLoss(torch.eye(10)[torch.arange(images) % 10], bits, margin=2 * bits, alpha=0.1, pairs="bank")
    outputs = torch.randn(batch, bits, requires_grad=True)
    with Largest() as largest:
        loss(outputs, outputs, torch.arange(batch), 0).backward()
    assert outputs.grad is not None
    assert images * bits <= largest.values <= images * max(bits, batch)


def seen_in_training(monkeypatch, X, mirrored, **params):
    """The features that the loss of an unsupervised method saw, float (k, d), batch after batch."""
    seen = []
    original = BiHalfLoss.__call__

    def loss(self, outputs, features, rows, epoch):
        if outputs.requires_grad:  # not when the validation part is scored
            seen.append(features.numpy())
        return original(self, outputs, features, rows, epoch)

    monkeypatch.setattr(BiHalfLoss, "__call__", loss)
    make("bihalf", lr=1e-3, **params).fit(X, mirrored=mirrored)
    return np.concatenate(seen)


def test_each_image_is_seen_mirrored_or_not_by_chance(monkeypatch):
    X = np.random.default_rng(0).normal(size=(60, 16)).astype(np.float32)
    X[:, 0] = np.arange(60)
    mirrored = X.copy()
    mirrored[:, 1:] += 100
    seen = seen_in_training(monkeypatch, X, mirrored, epochs=20, validation=0)
    turned = seen[:, 1] > 50
    assert 0.4 < turned.mean() < 0.6
    image = seen[:, 0].astype(int)
    assert np.array_equal(seen, np.where(turned[:, None], mirrored[image], X[image]))
    assert np.array_equal(np.bincount(image), np.full(60, 20))
    assert np.array_equal(np.unique(image[turned]), np.arange(60))


def test_no_mirrored_image_of_the_validation_part_is_trained_on(monkeypatch):
    X = np.random.default_rng(0).normal(size=(60, 16)).astype(np.float32)
    X[:, 0] = np.arange(60)
    seen = seen_in_training(monkeypatch, X, X, epochs=5, validation=0.2)
    assert len(np.unique(seen[:, 0])) == 48


def test_the_validation_part_is_scored_as_it_is(digits):
    """Whatever the mirrored images show, with a rate of nearly nothing the score is that of the head without them."""
    X, y = digits
    plain, flipped = make("dsh", lr=1e-12), make("dsh", lr=1e-12)
    plain.fit(X, y)
    flipped.fit(X, y, mirrored=X[:, ::-1] * 5)
    scores = [hasher.selection_["curves"][0]["scores"] for hasher in (plain, flipped)]
    assert scores[0] == scores[1]


@pytest.mark.parametrize(
    ("flip", "mirrored", "message"),
    [
        (True, None, "flip must be true with features of mirrored images"),
        (False, np.ones((300, 64)), "flip must be .* got False"),
        (None, np.ones((299, 64)), "mirrored has features of 299 images, X of 300"),
        (None, np.ones((300, 63)), "63 features"),
    ],
)
def test_mirrored_images_that_do_not_fit(flip, mirrored, message, digits):
    with pytest.raises(ValueError, match=message):
        make("hashnet", flip=flip).fit(*digits, mirrored=mirrored)


class ModuleLoss(torch.nn.Module):
    """A loss written as a module, with a layer of its own, a buffer and a plain tensor."""

    lr_share, weight_decay = 0.5, 0.1

    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(8, 3)
        self.register_buffer("seen", torch.zeros(2))
        self.last = torch.ones(1)

    def forward(self, outputs, features, rows, epoch):
        return self.layer(outputs).square().mean()


class LossWithModule:
    """A loss that has a layer in an attribute; rate and decay are those of the default."""

    def __init__(self):
        self.layer = torch.nn.Linear(8, 3)

    def __call__(self, outputs, features, rows, epoch):
        return self.layer(outputs).square().mean()


@pytest.mark.parametrize(("kind", "share", "decay"), [(ModuleLoss, 0.5, 0.1), (LossWithModule, 1, 0)])
def test_parameters_of_a_loss_are_found_wherever_they_stand_and_have_their_own_rate_and_decay(kind, share, decay):
    loss, head = kind(), torch.nn.Linear(4, 8)
    assert set(parameters_of(loss)) == {"layer.weight", "layer.bias"}
    remembered = {"seen", "last"} if kind is ModuleLoss else set()
    assert set(tensors_of(loss)) == {"layer.weight", "layer.bias"} | remembered
    of_head, own = adam(head.parameters(), loss, 0.01, 0.2).param_groups
    assert [id(p) for p in own["params"]] == [id(p) for p in loss.layer.parameters()]
    assert (own["lr"], own["weight_decay"]) == (0.01 * share, decay)
    assert (of_head["lr"], of_head["weight_decay"]) == (0.01, 0.2)
    (only,) = adam(head.parameters(), lambda *_: 0, 0.01, 0.2).param_groups
    assert only["params"] == of_head["params"]
