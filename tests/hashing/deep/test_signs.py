"""Codes inside a loss."""

import pytest
import torch

from l2h.hashing.deep.signs import signs, straight_through


def test_signs_of_0_are_those_of_codes_and_the_gradient_passes():
    outputs = torch.tensor([-2.0, 0.0, 1e-30, 3.0], requires_grad=True)
    assert signs(outputs).tolist() == [-1, -1, 1, 1]
    codes = straight_through(outputs * 1.1)
    assert codes.tolist() == [-1, -1, 1, 1]
    (codes * torch.tensor([1.0, 2, 3, 4])).sum().backward()
    assert outputs.grad.tolist() == pytest.approx([1.1, 2.2, 3.3, 4.4])
