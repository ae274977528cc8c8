"""Checks of parameters: one line that names the parameter, its value and what is allowed."""

import re
from typing import Any

import numpy as np


def is_count(value: Any) -> bool:
    """Whether a parameter is a positive integer."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool) and bool(value >= 1)


def is_number(value: Any) -> bool:
    """Whether a parameter is a finite number."""
    return isinstance(value, int | float | np.number) and not isinstance(value, bool) and bool(np.isfinite(value))


def require(condition: bool, name: str, value: Any, allowed: str) -> None:
    """Raise a ValueError that names parameter, value and what is allowed, unless the condition holds."""
    if not condition:
        texts = [one for one in (value if isinstance(value, tuple) else (value,)) if isinstance(one, str)]
        powers = [text for text in texts if re.fullmatch(r"[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+", text)]
        cure = "; YAML reads it as text: write a point and a sign, as in 1.0e-3" if powers else ""
        raise ValueError(f"{name} must be {allowed}, got {value!r}{cure}")
