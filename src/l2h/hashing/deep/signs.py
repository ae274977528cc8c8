"""Codes of -1 and 1 from real outputs, inside a loss."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def signs(outputs: "torch.Tensor") -> "torch.Tensor":
    """Return -1 or 1, without a gradient; 0 becomes -1, because it is bit 0 in a code (torch.sign returns 0)."""
    outputs = outputs.detach()
    return (outputs > 0).to(outputs.dtype) * 2 - 1


def straight_through(outputs: "torch.Tensor") -> "torch.Tensor":
    """Return the signs, with the gradient of the outputs."""
    return signs(outputs) + (outputs - outputs.detach())
