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
    """What goes into a JSON file: the content, what made it, and the sha256 of both and of the arrays beside it."""
    told = json.loads(to_json({**content, "made_by": MADE_BY}))  # as a reader will have it, whatever its keys were
    told.pop("sha256", None)
    return {**told, "sha256": digest_of(told, arrays)}


def unsealed(
    content: Mapping[str, Any],
    path: str | Path,
    arrays: Mapping[str, NDArray] = {},
    cure: str = CURE,
) -> dict[str, Any]:
    """What `sealed` was given and what made it; L2HError where the sha256 is another. Without one, anything passes."""
    told = dict(content)
    sha256 = told.pop("sha256", None)
    try:
        whole = sha256 is None or sha256 == digest_of(told, arrays)
    except ValueError:  # numbers that JSON does not have, which were not written
        whole = False
    if not whole:
        raise L2HError(f"{path} is damaged: its content does not match its sha256; {cure}")
    return told


def to_json(description: Mapping[str, Any]) -> str:
    """Return a description as text; raises L2HError for a value that JSON does not have."""
    return json.dumps(description, indent=2, sort_keys=True, allow_nan=False, default=_plain)


def digest_of(description: Mapping[str, Any], arrays: Mapping[str, NDArray]) -> str:
    """Return the sha256 of a description and of the arrays beside it, as hexadecimal digits."""
    digest = hashlib.sha256(to_json(description).encode())
    for name in sorted(arrays):
        digest.update(f"{name} {arrays[name].dtype} {arrays[name].shape}\n".encode())
        digest.update(np.ascontiguousarray(arrays[name]).tobytes())
    return digest.hexdigest()


def _plain(value: Any) -> Any:
    """A numpy scalar as what JSON knows; anything else has no place in a description."""
    if isinstance(value, np.generic):
        return value.item()
    raise L2HError(f"a model cannot be saved with {value!r} among its parameters; give a number or a name")
