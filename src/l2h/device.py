"""Select the torch device."""

import logging

import torch

from l2h.errors import L2HError

_log = logging.getLogger("l2h")


def choose(device: str) -> torch.device:
    """Resolve "auto" (a GPU if there is one), "cpu" or "cuda"; raises L2HError for "cuda" without a GPU."""
    if device == "cuda" and not torch.cuda.is_available():
        raise L2HError("device: cuda is set, but torch finds no GPU; set device: auto or device: cpu")
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(device)


def has_bf16() -> bool:
    """Whether the CPU has bfloat16 instructions; otherwise torch emulates them."""
    return any(present for name, present in torch.cpu.get_capabilities().items() if "bf16" in name)


def warn_of_emulation(precision: str, device: torch.device) -> None:
    """Log a warning if bfloat16 would be emulated, and so be slower than fp32."""
    if precision == "bf16" and device.type == "cpu" and not has_bf16():
        _log.warning("precision: bf16 is emulated on this CPU, far slower than fp32; set precision: fp32")
