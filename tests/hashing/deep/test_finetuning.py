"""Scope full: networks trained from images, cut off and resumed, saved and applied."""

import json
import logging
import os
import signal
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

import methods
from l2h import codes, datasets, hashing
from l2h.backbones.extraction import preprocess
from l2h.errors import L2HError
from l2h.evaluation import costs
from l2h.hashing.deep import finetuning, full, inputs, network
from l2h.hashing.deep.finetuning import finetune
from l2h.hashing.deep.inputs import ahead, augment
from l2h.hashing.deep.selection import validation_part
from l2h.metrics import average_precision
from l2h.ranking import rank_histogram
from l2h.store import models
from l2h.store.models import read_checkpoint, read_model, write_checkpoint, write_model

ENTRY = {"name": "toy", "layer": "fc", "input_size": 16, "precision": "fp32", "weights": "mine", "weights_sha256": "0f"}
DEEP = ("bihalf", "dsh", "hashnet")
IMAGES, LABELS = np.round(load_digits().images * 15).astype(np.uint8), load_digits().target


def read(rows):
    return IMAGES[rows]


def train(weights, checkpoint, name="dsh", read=read, n=200, identity=None, **params):
    method = full.make(name, bits=8, random_state=0, **{"epochs": 4, "batch_size": 32, **params})
    how = {"flip": False, "checkpoint": Path(checkpoint), "identity": identity or {"data": "digits"}}
    return finetune(method, ENTRY, weights, read, LABELS[:n], **how)


def same(one, other):
    first, second = one.state_dict(), other.state_dict()
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


class Killed(BaseException):
    """The end of a process, without one."""


def dies_in_epoch(number, n=180, batch_size=32, validation=20):
    """A reader that stops the training in the middle of an epoch; ahead of it three more batches may be read."""
    seen = [0]

    def reader(rows):
        seen[0] += len(rows)
        # what is measured before the first epoch, then the epochs, each with its validation
        if seen[0] > n + (number - 1) * (n + validation) + 4.5 * batch_size:
            raise Killed
        return read(rows)

    return reader


@pytest.mark.parametrize("name", DEEP)
@pytest.mark.parametrize("cut", [1, 2, 4])
def test_a_training_that_was_cut_off_ends_with_the_same_weights(name, cut, weights, tmp_path, caplog):
    caplog.set_level(logging.INFO, "l2h")
    expected, record = train(weights, tmp_path / "whole", name)
    with pytest.raises(Killed):
        train(weights, tmp_path / "cut", name, read=dies_in_epoch(cut))
    assert (tmp_path / "cut").exists() == (cut > 1)
    caplog.clear()
    resumed, resumed_record = train(weights, tmp_path / "cut", name)
    assert (f"resuming after epoch {cut - 1}" in caplog.text) == (cut > 1)
    assert same(resumed, expected)
    assert resumed_record == record


@pytest.mark.parametrize("name", ["dpsh", "greedyhash", "orthohash"])
def test_a_bank_a_classifier_and_a_batch_norm_are_gone_on_with_too(name, weights, tmp_path):
    expected, record = train(weights, tmp_path / "whole", name, n=60, epochs=3, batch_size=16)
    with pytest.raises(Killed):
        train(weights, tmp_path / "cut", name, read=dies_in_epoch(2, 54, 16, 6), n=60, epochs=3, batch_size=16)
    assert read_checkpoint(tmp_path / "cut")[0]["epoch"] in (1, 2)
    resumed, resumed_record = train(weights, tmp_path / "cut", name, n=60, epochs=3, batch_size=16)
    assert same(resumed, expected)
    assert resumed_record == record


@pytest.mark.parametrize("hidden", [0, 12])
@pytest.mark.parametrize("name", methods.DEEP)
def test_every_method_trains_a_network_that_is_saved_with_what_its_loss_keeps(name, hidden, weights, tmp_path):
    trained, record = train(weights, tmp_path / "cut", name, n=60, epochs=2, batch_size=16, hidden=hidden)
    assert len(record["scores"]) == 2
    kept = {"csq": "centres_", "dpn": "centres_", "orthohash": "centres_", "greedyhash": "classifier_"}.get(name)
    network.save(trained, tmp_path / "model", {})
    description, arrays = read_model(tmp_path / "model")
    assert description["loss"] == ({kept: [10, 8]} if kept else {})
    head = {f"head.{layer}.{part}" for layer in ((0, 2) if hidden else (0,)) for part in ("weight", "bias")}
    assert {key for key in arrays if not key.startswith("backbone.")} == {
        "mean",
        "scale",
        *head,
        *([f"loss.{kept}"] if kept else []),
    }  # no batch norm: it is folded in
    loaded = network.load(tmp_path / "model")
    assert same(loaded, trained)
    images = preprocess(IMAGES[:60], 16, (0.5,) * 3, (0.5,) * 3)
    with torch.inference_mode():
        assert torch.equal(loaded(images), trained(images))


def test_the_network_with_its_batch_norm_folded_in_is_the_one_that_was_scored(weights, tmp_path, monkeypatch):
    outputs = []
    monkeypatch.setattr(
        finetuning, "criterion", lambda *_: ("a score", lambda found, *_: outputs.append(found) or (0,))
    )
    trained, _ = train(weights, tmp_path / "cut", "orthohash", n=60, epochs=1, batch_size=16)
    seed = int(np.random.RandomState(0).randint(2**31))
    validation, _ = validation_part(60, 0.1, seed, np.eye(10, dtype=bool)[LABELS[:60]])
    with torch.inference_mode():
        found = trained(preprocess(IMAGES[validation], 16, (0.5,) * 3, (0.5,) * 3))
    assert torch.allclose(found, outputs[0], atol=1e-6)


@pytest.fixture
def one_thread():
    """As a fork has: the other threads of its parent are not in it."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.usefixtures("one_thread")
def test_a_process_that_was_killed_in_an_epoch_is_gone_on_with(weights, tmp_path, caplog):
    """With kill -9, so that nothing is cleared up; a fork has its imports already."""
    caplog.set_level(logging.INFO, "l2h")
    reader = dies_in_epoch(3)

    def fatal(rows):
        try:
            return reader(rows)
        except Killed:
            os.kill(os.getpid(), signal.SIGKILL)

    child = os.fork()
    if not child:
        with suppress(BaseException):
            train(weights, tmp_path / "cut", read=fatal)
        os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL
    resumed, _ = train(weights, tmp_path / "cut")
    assert "resuming after epoch 2" in caplog.text
    assert same(resumed, train(weights, tmp_path / "whole")[0])


def test_a_finished_training_is_not_repeated(weights, tmp_path):
    expected, record = train(weights, tmp_path / "checkpoint")
    again, same_record = train(weights, tmp_path / "checkpoint")
    assert same(again, expected)
    assert same_record == record


@pytest.mark.parametrize("damage", ["cut short", "one bit", "empty", "other"])
def test_a_damaged_checkpoint_is_not_taken_for_whole(damage, weights, tmp_path, caplog):
    path = tmp_path / "checkpoint"
    expected, _ = train(weights, path)
    whole = path.read_bytes()
    bit = whole[:-100] + bytes([whole[-100] ^ 1]) + whole[-99:]
    path.write_bytes({"cut short": whole[:-1], "one bit": bit, "empty": b"", "other": weights.read_bytes()}[damage])
    with pytest.raises(L2HError, match="checkpoint is (not a complete checkpoint|damaged)"):
        read_checkpoint(path)
    again, _ = train(weights, path)
    assert "training starts from the beginning" in caplog.text
    assert same(again, expected)


def test_a_checkpoint_of_another_training_is_left_alone(weights, tmp_path, caplog):
    path = tmp_path / "checkpoint"
    train(weights, path, identity={"data": "digits", "lr": 1, "code": {"a": "1"}}, epochs=2)
    caplog.clear()
    train(weights, path, identity={"data": "digits", "lr": 2, "code": {"a": "2"}}, epochs=2)
    assert f"{path} belongs to a training with other code, lr; training starts from the beginning" in caplog.text
    assert read_checkpoint(path)[0]["identity"]["lr"] == 2


def test_the_checkpoint_of_one_epoch_replaces_that_of_the_last_at_once(weights, tmp_path, monkeypatch):
    """Cut off while a checkpoint is written, the one before is there and whole."""
    path = tmp_path / "checkpoint"
    save = models.save_file
    calls = []

    def dying(arrays, part, metadata):
        calls.append(1)
        save(arrays, part, metadata)
        if len(calls) == 3:
            os.truncate(part, 100)
            raise Killed

    monkeypatch.setattr(models, "save_file", dying)
    with pytest.raises(Killed):
        train(weights, path)
    assert read_checkpoint(path)[0]["epoch"] == 2


@pytest.mark.parametrize("name", DEEP)
def test_only_training_images_are_read_and_the_validation_part_is_not_trained_on(name, weights, tmp_path, monkeypatch):
    seed = int(np.random.RandomState(0).randint(2**31))
    labels = None if name == "bihalf" else np.eye(10, dtype=bool)[LABELS[:200]]
    validation, rest = validation_part(200, 0.1, seed, labels)
    trained, reads = [], []
    original = inputs.augment

    def recorded(rows):
        reads.append(rows)
        return read(rows)

    def mark(images, *arguments):
        trained.append(len(images))
        return original(images, *arguments)

    monkeypatch.setattr(inputs, "augment", mark)
    train(weights, tmp_path / "checkpoint", name, read=recorded, epochs=2)
    assert sum(trained) == 2 * len(rest)
    epoch = [rest, validation]
    parts = [rest, *epoch, *epoch]  # once before training, and once an epoch
    read_in_turn = np.split(np.concatenate(reads), np.cumsum([len(part) for part in parts])[:-1])
    assert [sorted(part) for part in read_in_turn] == [sorted(part) for part in parts]


@pytest.mark.parametrize("name", DEEP)
def test_a_few_epochs_beat_the_untrained_network(name, weights, tmp_path):
    """Bi-half, without labels and on a frozen network, by less than the others."""

    def precision(net):
        packed = np.concatenate([part for _, part in net.encode([(np.arange(900), IMAGES[:900])], torch.device("cpu"))])
        h = rank_histogram(packed[500:], packed[:500], LABELS[500:900], LABELS[:500], bits=8)
        return average_precision(h).mean()

    params = {"lr": 1e-3} if name == "bihalf" else {"lr": 3e-3, "backbone_lr": 1.0, "crop": False}
    trained, record = train(weights, tmp_path / "a", name, n=500, epochs=20, **params)
    untrained, _ = train(weights, tmp_path / "b", name, n=500, epochs=1, lr=1e-12, validation=0)
    assert max(record["scores"]) > record["scores"][0]
    assert precision(trained) > precision(untrained) + (0.05 if name == "bihalf" else 0.15)


def test_a_frozen_backbone_stays_as_it_came(weights, tmp_path):
    for name, frozen in (("bihalf", True), ("dsh", False)):
        trained, _ = train(weights, tmp_path / name, name, epochs=1)
        first = network.build(ENTRY, weights, 0, 8).backbone.state_dict()
        now = trained.backbone.state_dict()
        assert all(torch.equal(first[key], now[key]) for key in first) == frozen


def test_the_head_sees_centred_activations_of_one_common_scale(weights, tmp_path):
    net, _ = train(weights, tmp_path / "checkpoint", "bihalf", validation=0, epochs=1)
    with torch.inference_mode():
        seen = (net.backbone(preprocess(IMAGES[:200], 16, (0.5,) * 3, (0.5,) * 3)) - net.mean) / net.scale
    assert seen.mean(0).abs().max() < 1e-4
    assert seen.square().mean() == pytest.approx(1, abs=1e-4)


def test_the_backbone_learns_at_a_tenth_of_the_rate_and_both_fall_to_nothing(weights, tmp_path, monkeypatch):
    rates = []
    original = torch.optim.Adam.step

    def step(self, *arguments):
        rates.append([group["lr"] for group in self.param_groups])
        return original(self, *arguments)

    monkeypatch.setattr(torch.optim.Adam, "step", step)
    train(weights, tmp_path / "checkpoint", lr=1e-2, epochs=4, batch_size=200)
    assert np.array(rates) == pytest.approx(np.outer([1, 0.8535534, 0.5, 0.1464466], [1e-2, 1e-3]))


def test_training_stops_when_nothing_better_comes(weights, tmp_path, monkeypatch):
    scores = iter([0.1, 0.5, 0.3, 0.4, 0.2, 0.9])
    states = []
    original = write_checkpoint

    def write(path, description, arrays):
        states.append({name: array.copy() for name, array in arrays.items()})
        original(path, description, arrays)

    monkeypatch.setattr(finetuning, "criterion", lambda *_: ("a score", lambda *_: (next(scores),)))
    monkeypatch.setattr(finetuning, "write_checkpoint", write)
    net, record = train(weights, tmp_path / "checkpoint", epochs=50, patience=3)
    assert record == {
        "epochs": 2,
        "criterion": "a score",
        "images": 20,
        "tied": 1,
        "scores": [0.1, 0.5, 0.3, 0.4, 0.2],
    }
    second = states[1]
    assert all(np.array_equal(tensor, second[f"network.{name}"]) for name, tensor in net.state_dict().items())


def test_where_nothing_can_be_chosen_all_images_are_trained_on_and_the_record_says_so(weights, tmp_path, caplog):
    """Two images each of 20 classes."""
    classes = np.repeat(np.arange(20), 2)
    method = full.make("dsh", bits=8, random_state=0, epochs=3, batch_size=32)
    how = {"flip": False, "identity": {"data": "digits"}}
    network, record = finetune(method, ENTRY, weights, read, classes, checkpoint=tmp_path / "one", **how)
    assert "of which no two share a label; set validation: 0" in record.pop("not_chosen")
    assert record == {"epochs": 3, "criterion": None, "images": 0}
    assert "trained on all images instead" in caplog.text
    method = full.make("dsh", bits=8, random_state=0, epochs=3, batch_size=32, validation=0)
    expected, none = finetune(method, ENTRY, weights, read, classes, checkpoint=tmp_path / "other", **how)
    assert none is None
    assert same(network, expected)


def test_among_epochs_of_equal_score_that_of_the_lowest_loss_is_kept(weights, tmp_path):
    """All images are of one class, so all scores are 1."""
    method = full.make("hashnet", bits=8, random_state=0, epochs=4, batch_size=32)
    how = {"flip": False, "identity": {"data": "digits"}, "checkpoint": tmp_path / "cut"}
    _, record = finetune(method, ENTRY, weights, read, np.zeros(200, int), **how)
    assert (record["scores"], record["tied"]) == ([1.0] * 4, 4)
    losses = [-minus for _, minus in read_checkpoint(tmp_path / "cut")[0]["scores"]]
    assert record["epochs"] == 1 + int(np.argmin(losses)) > 1


def test_without_a_validation_part_all_images_are_trained_on_to_the_end(weights, tmp_path):
    reads = []
    _, record = train(
        weights, tmp_path / "checkpoint", read=lambda rows: reads.append(rows) or read(rows), validation=0, epochs=2
    )
    assert record is None
    assert np.bincount(np.concatenate(reads)).tolist() == [3] * 200


def test_a_rate_that_diverges(weights, tmp_path):
    with pytest.raises(L2HError, match=r"training diverged: the loss of epoch \d is nan; lower lr \(now 1e\+30\)"):
        train(weights, tmp_path / "checkpoint", lr=1e30)


def test_training_leaves_the_global_generator_alone(weights, tmp_path):
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    train(weights, tmp_path / "checkpoint", epochs=1)
    assert torch.equal(torch.rand(1), expected)


def test_windows_are_parts_of_the_image_and_half_are_mirrored():
    torch.manual_seed(0)
    images = torch.arange(6 * 6.0).reshape(1, 1, 6, 6).expand(400, 3, 6, 6)
    windows = augment(images, 4, flip=True)
    assert windows.shape == (400, 3, 4, 4)
    possible = {}
    for y in range(3):
        for x in range(3):
            window = images[0, :, y : y + 4, x : x + 4]
            possible |= {(y, x, False): window, (y, x, True): window.flip(2)}
    counts = [sum(torch.equal(window, kind) for window in windows) for kind in possible.values()]
    assert sum(counts) == 400
    assert min(counts) > 5  # 22 are expected of each of the 18
    assert torch.equal(augment(images, 6, flip=False), images)


def test_reading_ahead_keeps_the_order_and_passes_errors_on():
    parts = [np.array([row]) for row in range(7)]
    assert [images.tolist() for images in ahead(lambda rows: rows * 10, parts)] == [[10 * row] for row in range(7)]

    def broken(rows):
        if rows[0] == 3:
            raise L2HError("image 3 is broken")
        return rows

    with pytest.raises(L2HError, match="image 3 is broken"):
        list(ahead(broken, parts))


def test_images_of_different_sizes_are_trained_on(weights, tmp_path):
    """As a list of them; enlarged by whole pixels they are the same images, so the same is learned."""
    rgb = [np.repeat(image[..., None], 3, axis=2) for image in IMAGES[:40]]
    one, _ = train(weights, tmp_path / "a", read=lambda rows: [rgb[row] for row in rows], n=40, epochs=1)
    other, _ = train(weights, tmp_path / "b", n=40, epochs=1)
    assert all(torch.allclose(a, b, atol=1e-5) for a, b in zip(one.parameters(), other.parameters(), strict=True))
    mixed = [np.pad(image, ((0, row % 3), (0, 0), (0, 0))) for row, image in enumerate(rgb)]
    train(weights, tmp_path / "c", read=lambda rows: [mixed[row] for row in rows], n=40, epochs=1)


@pytest.fixture
def model(weights, tmp_path):
    net, record = train(weights, tmp_path / "checkpoint", epochs=1, hidden=12)
    params = full.make("dsh", bits=8, random_state=0, hidden=12).get_params()
    network.save(net, tmp_path / "model", {"method": "dsh", "params": params, "selection": record})
    return net, tmp_path / "model"


def test_a_model_is_json_and_safetensors_and_gives_the_same_codes(model):
    net, folder = model
    assert sorted(path.name for path in folder.iterdir()) == ["model.json", "model.safetensors"]
    loaded = network.load(folder)
    assert same(loaded, net)
    assert loaded.weights == "mine@0f"
    batches = [(np.arange(start, start + 30), IMAGES[start : start + 30]) for start in (0, 30)]
    found = list(loaded.encode(batches, torch.device("cpu")))
    assert [ids.tolist() for ids, _ in found] == [list(range(30)), list(range(30, 60))]
    with torch.inference_mode():
        outputs = net(preprocess(IMAGES[:60], 16, (0.5,) * 3, (0.5,) * 3)).numpy()
    assert np.array_equal(np.concatenate([packed for _, packed in found]), codes.pack(outputs > 0))


def test_a_network_is_no_hasher_of_features(model):
    with pytest.raises(L2HError, match="model is a network of scope full, which takes images; load it with"):
        hashing.load(model[1])


def test_what_a_code_costs_is_timed_from_the_image_on(model):
    rows = {row["quantity"]: row for row in costs.encoding(model[1], IMAGES[:20])}
    assert set(rows) == {f"encode_{kind}" for kind in ("batch1", "best", "best_batch")}
    assert rows["encode_best_batch"]["value"] in (1, 16)


def test_digits_are_not_mirrored_and_other_datasets_are():
    flips = {name: datasets.registry.get(name).flips for name in ("digits", "digit_pairs", "mnist", "cifar10")}
    assert flips == {"digits": False, "digit_pairs": False, "mnist": False, "cifar10": True}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d, a: d.pop("backbone"), "is not a network that this version can use: 'backbone'"),
        (lambda d, a: d["backbone"].update(name="none"), "'none' is not a backbone; choose one of alexnet"),
        (lambda d, a: a.pop("head.0.weight"), "Missing key.*head.0.weight"),
        (lambda d, a: a.update(more=np.zeros(3)), "Unexpected key.*more"),
        (lambda d, a: d["head"].update(bits=9), "size mismatch for head.2.weight"),
        (lambda d, a: d.update(loss={"centres_": [10, 8]}), "Missing key.*loss.centres_"),
        (lambda d, a: d.update(loss=["centres_"]), "is not a network that this version can use"),
        (lambda d, a: d.update(loss={"a.b": [1]}), "is not a network that this version can use"),
        (lambda d, a: a["mean"].fill(np.nan), "holds values that are not finite in mean"),
    ],
)
def test_a_model_that_is_not_whole(change, words, model):
    description, arrays = read_model(model[1])
    arrays = {name: array.copy() for name, array in arrays.items()}
    change(description, arrays)
    write_model(model[1], description, arrays)
    with pytest.raises(L2HError, match=words) as error:
        network.load(model[1])
    assert "\n" not in str(error.value)


def test_parameters_are_the_method_s_and_those_of_the_scope():
    made = full.make("bihalf", bits=16, random_state=3, gamma=5.0, flip=True)
    expected = {"gamma": 5.0, "flip": True, "crop": True, "backbone_lr": 0.0, "scope": "full", "lr": 3e-4, "hidden": 0}
    assert expected.items() <= made.get_params().items()
    assert full.make("hashnet", bits=8).backbone_lr == 0.1
    again = {name: value for name, value in made.get_params().items() if name not in ("bits", "random_state")}
    assert full.make("bihalf", bits=16, random_state=3, **again).get_params() == made.get_params()
    json.dumps(made.get_params())


@pytest.mark.parametrize(
    ("params", "words"),
    [
        (
            {"patients": 3},
            r"dsh has no parameter 'patients' \(did you mean 'patience'\?\); it takes alpha, backbone_lr",
        ),
        ({"lr": (1e-3, 1e-4)}, "lr and hidden must be one number each at scope full"),
        ({"hidden": (0, 64)}, "lr and hidden must be one number each at scope full"),
        ({"hidden": -1}, "hidden must be a positive integer"),
        ({"backbone_lr": -1}, "backbone_lr must be a share of lr from 0, got -1"),
        ({"patience": 0}, "patience must be a positive integer, got 0"),
        ({"crop": "no"}, "crop must be true or false, got 'no'"),
        ({"flip": 1}, "flip must be true, false, or null for the dataset's default, got 1"),
        ({"alpha": -1}, "dsh: alpha must be a number from 0, got -1"),
    ],
)
def test_invalid_parameters_are_refused(params, words):
    with pytest.raises(L2HError, match=words):
        full.make("dsh", bits=8, **params)


def test_methods_without_the_scope_and_the_scope_without_images():
    with pytest.raises(L2HError, match="itq has no scope full"):
        full.make("itq", bits=8)
    with pytest.raises(L2HError, match="scope full is trained from images, not from features"):
        full.make("dsh", bits=8).method.fit(np.ones((20, 4), np.float32), np.arange(20) % 2)
