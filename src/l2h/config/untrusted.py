"""Read a config file that somebody else wrote: within limits, and refused if Snakemake would do more than read it."""

import json
from pathlib import Path
from typing import Any

import yaml
from yaml import MappingNode, SequenceNode

from l2h.errors import L2HError, line
from l2h.store import limits

MAX_BYTES = 2**18  # of a config; the longest here has 2 kB
RUNS_PYTHON, MERGE = "__use_yte__", "tag:yaml.org,2002:merge"


def read(path: Path) -> dict[str, Any]:
    """The config, as Snakemake reads it; runs nothing.

    Raises
    ------
    L2HError
        it is too large or no config, has a key that makes Snakemake run Python, or merges keys, which can multiply
    """
    try:
        limits.require_plain(path)
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise L2HError(f"{path} is larger than {MAX_BYTES >> 10} KiB; a config is not")
        text = content.decode()
        try:  # as Snakemake does; only in YAML does it run anything
            config = json.loads(text)
        except ValueError:
            # before any value is made, as merged ones multiply
            _require_plain(yaml.compose(text, yaml.SafeLoader), path)
            config = yaml.safe_load(text)
    except L2HError:
        raise
    except (OSError, yaml.YAMLError, ValueError, OverflowError, RecursionError) as error:
        raise L2HError(f"{path} cannot be read: {line(error)}") from error
    if not isinstance(config, dict):
        raise L2HError(f"{path} is no config: it holds no keys")
    return config


def _require_plain(node: Any, path: Path) -> None:
    """Raise L2HError if a mapping has the key that makes Snakemake run Python, or merges other mappings."""
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
                        f"{where}: with the key {RUNS_PYTHON} Snakemake runs what the config says; do not use it"
                    )
                if key.tag == MERGE:
                    raise L2HError(f"{where}: it merges keys by <<; write them where they belong, or do not use it")
            left += [part for pair in node.value for part in pair]
        elif isinstance(node, SequenceNode):
            left += node.value
