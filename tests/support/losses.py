"""What plain Python loops over the formula of a loss need; float64, so that a wrong formula cannot hide in rounding."""

import math

import torch

from l2h import hashing

BITS = 5


def loss_of(name, labels, bits=BITS, **params):
    """A method's loss, which draws the same whenever it is made."""
    torch.manual_seed(0)
    return hashing.make(name, bits=bits, **params).loss(labels)


def value(loss, outputs, features=None, rows=None, epoch=0):
    """The loss of a batch, by default of the first training images."""
    rows = torch.arange(len(outputs)) if rows is None else rows
    return loss(torch.as_tensor(outputs, dtype=torch.float64), features, rows, epoch).item()


def softplus(z):
    return math.log1p(math.exp(-abs(z))) + max(z, 0)


def sign(x):
    return 1 if x > 0 else -1


def cosine(x, y):
    return sum(a * b for a, b in zip(x, y, strict=True)) / math.sqrt(sum(a * a for a in x) * sum(b * b for b in y))


def mean(values):
    values = list(values)
    return sum(values) / len(values)


def shares(a, b):
    """Whether two images have a label in common."""
    return any(x and y for x, y in zip(a.tolist(), b.tolist(), strict=True))


def labelled_rows(batch):
    """Outputs of a batch with the numbers of their labels, as plain lists, without those that have none."""
    outputs, _, rows, labels = batch
    found = [
        (u, [k for k, on in enumerate(labels[row].tolist()) if on])
        for u, row in zip(outputs.tolist(), rows, strict=True)
    ]
    return [(u, present) for u, present in found if present]
