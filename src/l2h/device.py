"""Choose the processor that torch computes on."""

import torch

from l2h.errors import L2HError


def choose(device: str) -> torch.device:
    """Resolve "auto" (a GPU where there is one), "cpu" or "cuda"; L2HError where a GPU is asked for and missing."""
    if device == "cuda" and not torch.cuda.is_available():
        raise L2HError("device: cuda is asked for, but torch finds no GPU; set device: auto or device: cpu")
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(device)
