"""Losses on the labels of single images: images without labels, several labels, and centres."""

import numpy as np
import pytest
import torch

from l2h import hashing
from l2h.errors import L2HError
from l2h.hashing.deep.labelled import CentreHasher, LabelledLoss
from losses import loss_of, value
from methods import CLASSES, DEEP, SUPERVISED, quick

LABELLED = [
    name for name in DEEP if name in SUPERVISED and isinstance(loss_of(name, torch.eye(3), bits=8), LabelledLoss)
]
CENTRED = [name for name in DEEP if issubclass(CLASSES[name], CentreHasher)]


@pytest.mark.parametrize("name", LABELLED)
def test_images_without_labels_are_left_out(name):
    """Dividing by their number of labels would make them, and with them the weights, nan."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.eye(4, dtype=torch.float64)[[0, 1, 2, 3, 0, 0]]
    labels[[1, 4]] = 0
    outputs = torch.randn(6, 8, generator=generator, dtype=torch.float64)
    some = torch.tensor([0, 2, 3, 5])
    expected = value(loss_of(name, labels, bits=8), outputs[some], rows=some)
    assert value(loss_of(name, labels, bits=8), outputs) == pytest.approx(expected)
    outputs.requires_grad_()
    none = loss_of(name, labels, bits=8)(outputs[[1, 4]], None, torch.tensor([1, 4]), 0)
    none.backward()
    assert none.item() == 0
    assert (outputs.grad == 0).all()


@pytest.mark.parametrize("name", LABELLED)
def test_two_labels_are_not_taken_for_the_first(name):
    """Widely copied code takes argmax of the labels."""
    both, first = torch.tensor([[1.0, 1.0, 0.0]]).double(), torch.tensor([[1.0, 0.0, 0.0]]).double()
    outputs = torch.linspace(-1, 1, 16, dtype=torch.float64)[None]
    losses = [value(loss_of(name, labels, bits=16), outputs) for labels in (both, first)]
    assert losses[0] != pytest.approx(losses[1])


@pytest.mark.parametrize("name", LABELLED)
def test_training_images_without_any_label_are_an_error(name, digits):
    with pytest.raises(L2HError, match="no training image has a label"):
        quick(name).fit(digits[0][:50], np.zeros((50, 10), bool))


@pytest.mark.parametrize("name", CENTRED)
def test_centres_are_refused_or_drawn_as_asked(name):
    labels = torch.eye(10)
    assert torch.equal(loss_of(name, labels, bits=16).centres, loss_of("csq", labels, bits=16).centres)
    assert (loss_of(name, labels, bits=16, centres="first_rows").centres[0] == 1).all()
    with pytest.raises(L2HError, match="found no centres of 10 classes at 4 bits"):
        loss_of(name, labels, bits=4)
    assert loss_of(name, labels, bits=4, centres="bernoulli").centres.shape == (10, 4)


@pytest.mark.parametrize("name", CENTRED)
def test_centres_are_saved_and_each_class_lands_at_its_own(name, digits, tmp_path):
    X, y = digits
    hasher = quick(name, bits=16, lr=1e-2, epochs=20).fit(X[:1000], y[:1000])
    codes = np.where(hasher.decision_function(X) > 0, 1, -1)
    assert ((codes @ hasher.centres_.T).argmax(axis=1) == y)[1000:].mean() > 0.75
    hasher.save(tmp_path / "model")
    assert np.array_equal(hashing.load(tmp_path / "model").centres_, hasher.centres_)
    assert np.array_equal(hasher.centres_, quick(name, bits=16, lr=1e-3).fit(X[:60], y[:60]).centres_)
    assert not np.array_equal(hasher.centres_, quick(name, bits=16, seed=1).fit(X[:60], y[:60]).centres_)
