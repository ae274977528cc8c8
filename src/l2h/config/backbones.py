"""Complete a backbone's entry: its layer, its weights, and the names of its files."""

import re
from pathlib import Path
from typing import Any

from l2h import backbones, paths
from l2h.backbones.weights import UNTRAINED, file_sha256
from l2h.config.messages import ConfigError
from l2h.config.models import Backbone, Config
from l2h.config.names import registered, require_literal, require_member
from l2h.errors import L2HError, hint

EXTERNAL = "external"  # the backbone label of external codes
RESERVED = {EXTERNAL: "external codes", paths.EMBEDDINGS: "datasets of embeddings"}


def resolve_backbone(place: str, entry: Backbone, config: Config) -> dict[str, Any]:
    """The entry with `label`, `layer`, `weights` and `input_size`, and values derived from them.

    `source` and `local` tell where the weights come from; `weights_id` and `id` name the files of weights and
    features. If `input_size` is None, it is known only once the network is built.
    """
    backbone = registered(f"{place}.name", backbones.registry, entry.name)
    try:
        backbone.check_packages()
    except L2HError as error:
        raise ConfigError(f"config key {place}.name: {error}") from error
    layer = entry.layer or backbone.layers[0]
    require_member(f"{place}.layer", layer, f"a layer of {entry.name}", backbone.layers)
    stem = entry.name.replace(":", ".")  # valid in file names
    label = entry.label or f"{stem}-{layer}"
    if label in RESERVED:
        raise ConfigError(f"config key {place}.label: {label!r} is reserved ({RESERVED[label]}); choose another label")
    side = entry.input_size or getattr(backbone, "input_size", None)
    if side is not None and side < backbone.min_size:
        raise ConfigError(
            f"config key {place}.input_size: {side} is too small for {entry.name}, which needs at least "
            f"{backbone.min_size}"
        )
    weights = entry.weights or next(iter(backbone.pretrained), UNTRAINED)
    source, which = _weights(f"{place}.weights", weights, entry, [*backbone.pretrained], bool(config.pretrained))
    computed = f"{config.device}{config.threads.features}"
    return {
        **dict(entry),
        "label": label,
        "layer": layer,
        "weights": weights,
        "input_size": side,
        "source": source,
        "local": weights != UNTRAINED and weights not in backbone.pretrained,
        "weights_id": f"{stem}-{which}",
        "id": "-".join([stem, layer, which, f"{side or 'own'}px", entry.precision, entry.dtype, computed]),
    }


def _weights(place: str, weights: str, entry: Backbone, published: list[str], bundled: bool) -> tuple[str, str]:
    """Name of the weights, without and with the digest of a local file."""
    require_literal(place, weights)
    path = Path(weights)
    if weights == UNTRAINED:
        source = f"{UNTRAINED}-{entry.weights_seed}"
        return source, source
    if weights in published:
        return weights, weights
    if path.suffix == ".safetensors" and (path.is_file() or bundled):  # a bundle's features need no weights
        source = re.sub(r"[^A-Za-z0-9_.-]", "_", path.stem)
        return source, f"{source}-{file_sha256(path)[:12]}" if path.is_file() else source
    names = [*published, UNTRAINED]
    raise ConfigError(
        f"config key {place}: {weights!r} is neither one of {', '.join(names)} nor an existing .safetensors file"
        f"{hint(weights, names)}; paths are relative to the working directory"
    )
