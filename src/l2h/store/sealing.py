"""JSON that carries its own sha256."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l2h.errors import L2HError
from l2h.store.tables import CURE, MADE_BY


def sealed(content: Mapping[str, Any], arrays: Mapping[str, NDArray] = {}) -> dict[str, Any]:
    """Content of a JSON file, with its origin (`made_by`) and the sha256 of both and of the accompanying arrays."""
    told = json.loads(to_json({**content, "made_by": MADE_BY}))  # as a reader gets it, with keys as text
    told.pop("sha256", None)
    return {**told, "sha256": digest_of(told, arrays)}


def unsealed(
    content: Mapping[str, Any],
    path: str | Path,
    arrays: Mapping[str, NDArray] = {},
    cure: str = CURE,
) -> dict[str, Any]:
    """What `sealed` was given, and its origin; raises L2HError if the sha256 differs, but not if there is none."""
    told = dict(content)
    sha256 = told.pop("sha256", None)
    try:
        whole = sha256 is None or sha256 == digest_of(told, arrays)
    except ValueError:  # NaN or infinity, which we never write
        whole = False
    if not whole:
        raise L2HError(f"{path} is damaged: its content does not match its sha256; {cure}")
    return told


def to_json(description: Mapping[str, Any]) -> str:
    """Return a description as text; raises L2HError for a value that JSON cannot express."""
    return json.dumps(description, indent=2, sort_keys=True, allow_nan=False, default=_plain)


def digest_of(description: Mapping[str, Any], arrays: Mapping[str, NDArray]) -> str:
    """Return the sha256 of a description and of the arrays beside it, as hexadecimal digits."""
    digest = hashlib.sha256(to_json(description).encode())
    for name in sorted(arrays):
        digest.update(f"{name} {arrays[name].dtype} {arrays[name].shape}\n".encode())
        digest.update(np.ascontiguousarray(arrays[name]).tobytes())
    return digest.hexdigest()


def _plain(value: Any) -> Any:
    """Convert a numpy scalar for JSON; raises L2HError for other types."""
    if isinstance(value, np.generic):
        return value.item()
    raise L2HError(f"a model cannot be saved with {value!r} among its parameters; give a number or text")
