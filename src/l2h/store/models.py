"""Models and checkpoints: JSON and safetensors, never a pickle."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load_file, save_file

from l2h.errors import L2HError, line
from l2h.store import limits
from l2h.store.files import atomic
from l2h.store.sealing import digest_of, sealed, to_json, unsealed


def write_model(folder: str | Path, description: Mapping[str, Any], arrays: Mapping[str, NDArray]) -> None:
    """Write a model folder: `model.json` (description) and `model.safetensors` (arrays). Never a pickle."""
    with atomic(folder) as part:
        part.mkdir()
        (part / "model.json").write_text(to_json(sealed(description, arrays)) + "\n", encoding="utf-8")
        whole = {name: np.asarray(array, order="C") for name, array in arrays.items()}  # keeps scalars as scalars
        save_file(whole, part / "model.safetensors")


def read_model(folder: str | Path) -> tuple[dict[str, Any], dict[str, NDArray]]:
    """Read a model folder's description and arrays; raises L2HError if either is missing or damaged."""
    description = read_description(folder)
    try:
        limits.require_plain(Path(folder) / "model.safetensors")
        arrays = load_file(Path(folder) / "model.safetensors")
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        raise L2HError(f"{folder} is not a complete model ({line(error)}); delete it and run again") from error
    return unsealed(description, folder, arrays), arrays


def read_description(folder: str | Path) -> dict[str, Any]:
    """Read only a model folder's description; its sha256 cannot be checked without the arrays."""
    try:
        return limits.read_json(Path(folder) / "model.json")
    except (OSError, ValueError) as error:
        raise L2HError(f"{folder} is not a complete model ({line(error)}); delete it and run again") from error


def write_checkpoint(path: str | Path, description: Mapping[str, Any], arrays: Mapping[str, NDArray]) -> None:
    """Write a training's state as one safetensors file, with the description and the arrays' digest in its header."""
    whole = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    metadata = {"description": to_json(description), "sha256": digest_of(description, whole)}
    with atomic(path) as part:
        save_file(whole, part, metadata)


def read_checkpoint(path: str | Path) -> tuple[dict[str, Any], dict[str, NDArray]]:
    """Read what `write_checkpoint` wrote; raises L2HError if the file is incomplete or damaged."""
    try:
        limits.require_plain(path)
        with safe_open(path, framework="np") as file:
            metadata = file.metadata() or {}
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
        description = json.loads(metadata["description"])
        whole = metadata["sha256"] == digest_of(description, arrays)
    except (OSError, ValueError, KeyError, TypeError, RecursionError, SafetensorError) as error:
        raise L2HError(f"{path} is not a complete checkpoint ({line(error)})") from error
    if not whole:
        raise L2HError(f"{path} is damaged: its content does not match its sha256")
    return description, arrays
