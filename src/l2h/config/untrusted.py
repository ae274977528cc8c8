"""Read an untrusted config file: within size limits, and only if Snakemake would execute nothing in it."""

import json
from pathlib import Path
from typing import Any

import yaml
from yaml import MappingNode, SequenceNode

from l2h.errors import L2HError, line
from l2h.store import limits

MAX_BYTES = 2**18  # of a config; the longest in config/ has 2 kB
RUNS_PYTHON, MERGE = "__use_yte__", "tag:yaml.org,2002:merge"


def read(path: Path) -> dict[str, Any]:
    """The config, as Snakemake reads it; executes nothing.

    Raises
    ------
    L2HError
        the file is too large or not a config, has a key that makes Snakemake execute Python, or merges keys
    """
    try:
        limits.require_plain(path)
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise L2HError(f"{path} is larger than {MAX_BYTES >> 10} KiB, the limit for a config; make it smaller")
        text = content.decode()
        try:  # as Snakemake does; only YAML can make it execute code
            config = json.loads(text)
        except ValueError:
            # before values are created, because merged ones multiply
            _require_plain(yaml.compose(text, yaml.SafeLoader), path)
            config = yaml.safe_load(text)
    except L2HError:
        raise
    except (OSError, yaml.YAMLError, ValueError, OverflowError, RecursionError) as error:
        raise L2HError(f"{path} cannot be read: {line(error)}") from error
    if not isinstance(config, dict):
        raise L2HError(f"{path} is not a config: it has no keys")
    return config


def _require_plain(node: Any, path: Path) -> None:
    """Raise L2HError if a mapping has the key that makes Snakemake execute Python, or merges other mappings."""
    left, seen = [node], set()
    while left:
        node = left.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, MappingNode):
            for key, _ in node.value:
                where = f"{path}, line {key.start_mark.line + 1}"
                if key.value == RUNS_PYTHON:
                    raise L2HError(
                        f"{where}: the key {RUNS_PYTHON} makes Snakemake execute code in the config; do not use it"
                    )
                if key.tag == MERGE:
                    raise L2HError(f"{where}: it merges keys with <<; write them out, or do not use this config")
            left += [part for pair in node.value for part in pair]
        elif isinstance(node, SequenceNode):
            left += node.value
