"""Scope full from a layer on: the layers before it stay as they are, and their activations are computed once."""

from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from l2h.backbones.extraction import activations, preprocess
from l2h.hashing.deep import finetuning, full, network
from l2h.hashing.deep.finetuning import finetune
from l2h.hashing.deep.inputs import Activations, Pixels

IMAGES, LABELS = np.round(load_digits().images * 15).astype(np.uint8), load_digits().target
HOW = {"size": 16, "mean": (0.5,) * 3, "std": (0.5,) * 3}
CPU = torch.device("cpu")


def entry(precision="fp32"):
    same = {"name": "toy", "layer": "fc", "input_size": 16, "weights": "mine", "weights_sha256": "0f"}
    return {**same, "precision": precision}


def train(weights, checkpoint, read=IMAGES.__getitem__, precision="fp32", flip=True, **params):
    how = {"epochs": 3, "batch_size": 32, "train_from": "pool", "backbone_lr": 1.0, "lr": 1e-3}
    method = full.make("dsh", bits=8, random_state=0, **{**how, **params})
    same = {"flip": flip, "checkpoint": Path(checkpoint), "identity": {"data": "digits"}}
    return finetune(method, entry(precision), weights, read, LABELS[:200], **same)


def first_layers(net, images, precision):
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
        return net.backbone[:3](images)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_activations_are_those_of_images_and_of_mirrored_images(precision, weights, tmp_path):
    net = network.build(entry(precision), weights, 0, 8)
    pixels = Pixels(net.backbone, IMAGES.__getitem__, CPU, **HOW, crop=False, flip=True)
    halves = (net.backbone[:3], net.backbone[3:])
    held = Activations(halves, pixels, 60, CPU, precision=precision, flip=True, batch_size=32, folder=tmp_path)
    assert list(tmp_path.iterdir()) == []  # the file has no name, so nothing remains of it
    batches = [np.arange(60), np.array([59, 3])]
    images = preprocess(IMAGES[:60], **HOW)
    plain, mirrored = (first_layers(net, inputs, precision) for inputs in (images, images.flip(3)))
    whole = list(held.whole(batches))
    assert whole[0].dtype == plain.dtype == {"fp32": torch.float32, "bf16": torch.bfloat16}[precision]
    assert torch.allclose(whole[0].float(), plain.float(), atol=1e-6)
    assert torch.equal(whole[1], whole[0][batches[1]])
    torch.manual_seed(0)
    (varied,) = held.varied(batches[:1])
    kinds = [
        (torch.allclose(one.float(), a.float(), atol=1e-6), torch.allclose(one.float(), b.float(), atol=1e-6))
        for one, a, b in zip(varied, plain, mirrored, strict=True)
    ]
    assert all(sum(kind) == 1 for kind in kinds)
    assert 15 < sum(straight for straight, _ in kinds) < 45


def test_without_mirroring_each_image_has_one_view(weights, tmp_path):
    net = network.build(entry(), weights, 0, 8)
    pixels = Pixels(net.backbone, IMAGES.__getitem__, CPU, **HOW, crop=False, flip=False)
    halves = (net.backbone[:3], net.backbone[3:])
    held = Activations(halves, pixels, 20, CPU, precision="fp32", flip=False, batch_size=32, folder=tmp_path)
    (varied,), (whole,) = held.varied([np.arange(20)]), held.whole([np.arange(20)])
    assert torch.equal(varied, whole)


def test_only_the_layers_from_there_on_change(weights, tmp_path):
    trained, record = train(weights, tmp_path / "checkpoint")
    before = network.build(entry(), weights, 0, 8).backbone.state_dict()
    changed = {name for name, tensor in trained.backbone.state_dict().items() if not torch.equal(tensor, before[name])}
    assert changed == {"6.weight", "6.bias"}  # neither the convolution nor the moments of the batch norm
    assert len(record["scores"]) == 3


def test_each_image_is_read_once(weights, tmp_path):
    seen = []
    train(weights, tmp_path / "checkpoint", read=lambda rows: seen.append(rows) or IMAGES[rows])
    assert np.concatenate(seen).tolist() == list(range(200))


def test_images_give_the_outputs_that_were_scored(weights, tmp_path, monkeypatch):
    outputs = []
    score = lambda found, *_: outputs.append(found) or (0.0,)  # noqa: E731
    monkeypatch.setattr(finetuning, "criterion", lambda *_: ("a score", score))
    monkeypatch.setattr(finetuning, "validation_part", lambda *_: (np.arange(20), np.arange(20, 200)))
    trained, _ = train(weights, tmp_path / "checkpoint", epochs=1)
    with torch.inference_mode():
        found = trained(preprocess(IMAGES[:20], **HOW))
    assert torch.allclose(found, outputs[0], atol=1e-5)


class Live:
    """Activations that are computed again for each batch."""

    def __init__(self, halves, pixels, n, device, *, precision, **_):
        self.first, self.network = halves
        self.pixels, self.precision = pixels, precision

    def whole(self, batches):
        for images in self.pixels.whole(batches):
            yield activations(self.first, images, self.precision).detach()

    def varied(self, batches):
        for inputs in self.whole(batches):
            torch.randint(1, (len(inputs),))  # which view: as many random numbers for the dropout that follows
            yield inputs


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_stored_activations_teach_what_computed_ones_teach(precision, weights, tmp_path, monkeypatch):
    stored, record = train(weights, tmp_path / "a", precision=precision, flip=False)
    monkeypatch.setattr(finetuning, "Activations", Live)
    computed, expected = train(weights, tmp_path / "b", precision=precision, flip=False)
    assert record["scores"] == pytest.approx(expected["scores"], abs=1e-3)
    for name, tensor in stored.state_dict().items():
        assert torch.allclose(tensor, computed.state_dict()[name], atol=1e-4), name


def test_an_interrupted_training_ends_with_the_same_weights(weights, tmp_path, monkeypatch):
    expected, record = train(weights, tmp_path / "whole")
    original = finetuning.train_epoch

    def dying(optimizer, losses, epoch, lr):
        if epoch == 2:
            raise KeyboardInterrupt
        return original(optimizer, losses, epoch, lr)

    monkeypatch.setattr(finetuning, "train_epoch", dying)
    with pytest.raises(KeyboardInterrupt):
        train(weights, tmp_path / "cut")
    monkeypatch.undo()
    resumed, resumed_record = train(weights, tmp_path / "cut")
    assert resumed_record == record
    first, second = expected.state_dict(), resumed.state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)
