"""`l2h check-config`: what a config of somebody else's would run and read."""

import json
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

import l2h
from l2h.cli import command
from l2h.errors import L2HError, line

DOES = """Look at a config before Snakemake does: what it would run, and which files it names.

Snakemake runs Python in a config that has the key __use_yte__, however it is spelled; here nothing is run. Such a one
is refused, and so are keys that are merged (<<), values without bounds, and what the config's schema does not allow."""

MAX_BYTES = 2**18  # of a config; the longest here has 2 kB
RUNS_PYTHON, MERGE = "__use_yte__", "tag:yaml.org,2002:merge"
SCHEMA = Path(l2h.__file__).parents[2] / "workflow/schemas/config.schema.yaml"


def add_to(commands: command.Commands) -> None:
    """Add the command."""
    examples = ["l2h check-config their.yaml", "l2h check-config their.yaml --json"]
    failed = "the config is refused, or cannot be read"
    parser = command.add(commands, "check-config", run, DOES, examples, failed)
    parser.add_argument("file", type=Path, metavar="FILE", help="a config, YAML or JSON")


def run(arguments: Namespace) -> int:
    """Check the file, and print what it names."""
    from l2h.config import complete

    config = _read(arguments.file)
    complete(config, SCHEMA)
    found = {"plugins": config["plugins"], "names": dict(_names(config))}
    if arguments.json:
        command.print_json(found)
    else:
        lines = [f"runs the program {json.dumps(path)}" for path in found["plugins"]]
        lines += [f"names {json.dumps(value)}, {key}" for key, value in found["names"].items()]
        command.print_lines("\n".join([f"{arguments.file}: Snakemake runs nothing in it as it reads it", *lines]))
    return 0


def _read(path: Path) -> dict[str, Any]:
    """The config, within bounds; L2HError where Snakemake would do more than read it, or could not."""
    from l2h.store import limits

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
            # keys are looked for before values are made of them, as merged ones multiply
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
    """Raise L2HError where a mapping has the key that makes Snakemake run Python, or takes others by merging."""
    left, seen = [node], set()
    while left:
        node = left.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            for key, _ in node.value:
                where = f"{path}, line {key.start_mark.line + 1}"
                if key.value == RUNS_PYTHON:
                    raise L2HError(
                        f"{where}: with the key {RUNS_PYTHON} Snakemake runs what the config says; do not use it"
                    )
                if key.tag == MERGE:
                    raise L2HError(f"{where}: it merges keys by <<; write them where they belong, or do not use it")
            left += [part for pair in node.value for part in pair]
        elif isinstance(node, yaml.SequenceNode):
            left += node.value


def _names(config: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """What may be a file, by its key: weights, bundles, the mirror, and all text among parameters."""
    yield from ((f"pretrained[{number}]", path) for number, path in enumerate(config["pretrained"]))
    if config["dataset_mirror"] is not None:
        yield "dataset_mirror", config["dataset_mirror"]
    for number, entry in enumerate(config["backbones"]):
        if entry.get("weights", "").endswith(".safetensors"):
            yield f"backbones[{number}].weights", entry["weights"]
    for key in ("datasets", "methods"):
        for number, entry in enumerate(config[key]):
            yield from (
                (f"{key}[{number}].params.{name}", value)
                for name, value in entry["params"].items()
                if isinstance(value, str)
            )
