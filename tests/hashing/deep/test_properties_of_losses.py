"""What every loss of a deep method keeps: finite values, no order of images or bits, and true gradients.

All methods of the registry are tested with their defaults. A new one needs no line here, unless a property does not
hold by its nature.
"""

import sys

import pytest
import torch
from torch.autograd import gradcheck
from torch.autograd.gradcheck import GradcheckError

from l2h.hashing.deep.signs import signs
from l2h.hashing.deep.training import parameters_of, tensors_of
from losses import BITS, loss_of, value
from methods import CLASSES, DEEP

CASES = [(name, {}) for name in DEEP] + [
    ("csq", {"ties": "shared"}),
    ("dhn", {"balanced": True}),
    ("dpsh", {"pairs": "batch", "balanced": True}),
    ("dpsh", {"pairs": "zero_bank"}),
    ("dpsh", {"balanced": True}),
    ("dsh", {"pairs": "batch"}),
    ("greedyhash", {"probability": "sigmoid"}),
    ("greedyhash_unsupervised", {"centred": False}),
    ("hashnet", {"weighting": "jaccard"}),
    ("orthohash", {"form": "arc", "alpha": 0.2}),
    ("sdc", {"clipped": True}),
]
# They compare the batch's first half with its second, so only an order that keeps these pairs leaves them equal.
OF_HALVES = ("bihalf", "greedyhash_unsupervised", "sdc")
# Their codes are steps, whose slope is 0; by design, the gradient is that of codes which move with the outputs.
STRAIGHT_THROUGH = ("bihalf", "greedyhash", "greedyhash_unsupervised")
every_loss = pytest.mark.parametrize(("name", "params"), CASES)


@every_loss
@pytest.mark.parametrize("kind", ["one class", "all different", "two images", "no labels", "sign 0", "far out"])
def test_unusual_batches_have_a_finite_loss_and_gradient(name, params, kind):
    n = 2 if kind == "two images" else 6
    labels = torch.eye(6, dtype=torch.float64)[torch.zeros(n, dtype=torch.int64) if kind == "one class" else range(n)]
    rows = torch.arange(n)
    if kind == "no labels":  # in this batch; one image elsewhere has some
        labels = torch.cat([0 * labels, torch.ones(1, 6, dtype=torch.float64)])
    generator = torch.Generator().manual_seed(1)
    outputs = torch.randn(n, 8, generator=generator, dtype=torch.float64) * {"sign 0": 0, "far out": 1e3}.get(kind, 1)
    outputs.requires_grad_()
    features = torch.randn(n, 4, generator=generator, dtype=torch.float64)
    for epoch in (0, 40):
        found = loss_of(name, labels, bits=8, **params)(outputs, features, rows, epoch)
        found.backward()
        assert found.shape == ()
        assert torch.isfinite(found)
        assert torch.isfinite(outputs.grad).all()


@every_loss
def test_from_8_to_128_bits_every_bit_has_a_gradient(name, params):
    labels = torch.eye(10, dtype=torch.float64)[torch.arange(40) % 10]
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(40, 20, generator=generator, dtype=torch.float64)
    for bits in (8, 12, 16, 24, 32, 48, 64, 128):
        outputs = torch.randn(40, bits, generator=generator, dtype=torch.float64, requires_grad=True)
        found = loss_of(name, labels, bits=bits, **params)(outputs, features, torch.arange(40), 0)
        found.backward()
        assert torch.isfinite(found)
        assert (outputs.grad.abs().sum(dim=0) > 1e-6).all()


@every_loss
def test_the_order_of_a_batch_does_not_count(name, params, batch):
    outputs, features, rows, labels = batch

    def in_order(*order):
        chosen = torch.tensor(order)
        return value(loss_of(name, labels, **params), outputs[chosen], features[chosen], rows[chosen])

    expected, mixed = in_order(0, 1, 2, 3, 4, 5, 6), in_order(3, 0, 6, 1, 5, 2, 4)
    if name in OF_HALVES:  # the pairs are (0, 3), (1, 4), (2, 5); 6 has no partner
        assert mixed != pytest.approx(expected)
        assert in_order(2, 0, 1, 5, 3, 4, 6) == pytest.approx(expected)
        assert in_order(3, 4, 5, 0, 1, 2, 6) == pytest.approx(expected)
    else:
        assert mixed == pytest.approx(expected)


@every_loss
def test_bits_can_be_exchanged_and_negated(name, params, batch):
    """Together with those of centres, classifier and whatever else of a loss has a value a bit."""
    outputs, features, rows, labels = batch
    order, flips = torch.tensor([2, 0, 4, 1, 3]), torch.tensor([1.0, -1, -1, 1, -1], dtype=torch.float64)

    def losses(n):
        first, turned = loss_of(name, labels, **params), loss_of(name, labels, **params)
        for part, tensor in tensors_of(turned).items():
            if tensor.shape[-1:] == (BITS,):
                setattr(turned, part, tensor[..., order] * flips)
        others = features[:n], rows[:n]
        return value(first, outputs[:n], *others), value(turned, outputs[:n, order] * flips, *others)

    first, turned = losses(6)
    assert turned == pytest.approx(first)
    first, turned = losses(7)
    if name == "bihalf":  # of an odd batch, the image in the middle of a bit is -1, whichever way round
        assert turned != pytest.approx(first)
    else:
        assert turned == pytest.approx(first)


class Constant(torch.Tensor):
    """A bank that is not written to, so that it stays the same while outputs are moved a little."""

    def __setitem__(self, key, new):
        pass


def function_of_outputs(name, params, batch, epoch):
    """A loss as a function of outputs, and its own parameters; a bank holds the batch's outputs as they are."""
    outputs, features, rows, labels = batch
    loss = loss_of(name, labels, **params)
    if getattr(loss, "bank", None) is not None:
        loss(outputs, features, rows, epoch)
        loss.bank = loss.bank.as_subclass(Constant)

    def function(moved, *own):
        return loss(moved, features, rows, epoch).as_subclass(torch.Tensor)

    return function, tuple(parameters_of(loss).values())


@every_loss
def test_gradients_are_finite_differences(name, params, batch):
    """Of outputs and of what a loss learns; random outputs avoid kinks, which have no gradient."""
    outputs = batch[0].clone().requires_grad_()
    for epoch in (0, 40):
        function, own = function_of_outputs(name, params, batch, epoch)
        if name not in STRAIGHT_THROUGH:
            assert gradcheck(function, (outputs, *own))
            continue
        with pytest.raises(GradcheckError, match="Jacobian mismatch for output 0 with respect to input 0"):
            gradcheck(function, (outputs, *own))
        if own:
            assert gradcheck(lambda *own, function=function: function(batch[0], *own), own)


@pytest.mark.parametrize("name", [name for name in STRAIGHT_THROUGH if name != "bihalf"])  # has it in its own file
def test_the_gradient_that_passes_a_sign_is_that_of_codes_which_move_with_the_outputs(name, batch, monkeypatch):
    function, own = function_of_outputs(name, {}, batch, 0)
    outputs = batch[0].clone().requires_grad_()
    found = torch.autograd.grad(function(outputs), outputs)[0]
    shift = (signs(outputs) - outputs).detach()
    if CLASSES[name].supervised:  # it sees images with labels only
        shift = shift[batch[3][batch[2]].any(dim=1)]
    monkeypatch.setattr(sys.modules[CLASSES[name].__module__], "straight_through", lambda moved: moved + shift)
    assert gradcheck(function, (outputs, *own))
    assert torch.allclose(torch.autograd.grad(function(outputs), outputs)[0], found)
