"""Choose the processor that torch computes on."""

import logging

import torch

from l2h.errors import L2HError

_log = logging.getLogger("l2h")


def choose(device: str) -> torch.device:
    """Resolve "auto" (a GPU where there is one), "cpu" or "cuda"; L2HError where a GPU is asked for and missing."""
    if device == "cuda" and not torch.cuda.is_available():
        raise L2HError("device: cuda is asked for, but torch finds no GPU; set device: auto or device: cpu")
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(device)


def warn_of_emulation(precision: str, device: torch.device) -> None:
    """Say so in the log where a processor has no instructions for bfloat16: it is slower than fp32 there."""
    known = any(present for name, present in torch.cpu.get_capabilities().items() if "bf16" in name)
    if precision == "bf16" and device.type == "cpu" and not known:
        _log.warning("precision: bf16 is emulated by this processor, far slower than fp32; set precision: fp32")
