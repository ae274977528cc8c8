"""`l2h check-config`: check a config without running it, and show what a run would compute, execute and read."""

import json
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from l2h.cli import command
from l2h.errors import L2HError, hint

if TYPE_CHECKING:
    from l2h.config.messages import UnknownNameError
    from l2h.config.models import Config
    from l2h.plan.plan import Plan

SECONDS = ((1.1, 3.7), (3.4, 11))  # CPU time (min, max) to start a job, and of a cell of the quickstart
DOES = """Check a config without running it, and show what a run would compute, execute and read.

No code of the config is executed. A config with the key __use_yte__ in any spelling is refused, because Snakemake would
execute the Python code in it; so are merged keys (<<) and unbounded values. Plug-ins are Python files: they are listed,
and loaded only with --trust-plugins. Without it, names that a plug-in may register are not checked. Files that the
config names are read only as far as a run reads them before its first job: lists, file names, sha256 of weights."""


def add_to(commands: command.Commands) -> None:
    """Add the command."""
    examples = [
        "l2h check-config config/quickstart.yaml",
        "l2h check-config their.yaml --json",
        "l2h check-config mine.yaml --trust-plugins",
    ]
    failed = "the config is invalid or cannot be read"
    parser = command.add(commands, "check-config", run, DOES, examples, failed)
    parser.add_argument("file", type=Path, metavar="FILE", help="a config, YAML or JSON")
    parser.add_argument(
        "--trust-plugins", action="store_true", help="load the config's plug-ins, to check their names too"
    )


def run(arguments: Namespace) -> int:
    """Check the file; print the plan or the error, and the files and plug-ins that the config names."""
    from l2h.config import complete, untrusted

    config = complete(untrusted.read(arguments.file))
    found: dict[str, Any] = {"plugins": config.plugins, "names": dict(_names(config)), "error": None}
    try:
        found |= _planned(config, arguments.trust_plugins)
    except L2HError as error:
        found["error"] = error
    if arguments.json:
        command.print_json(found)
    else:
        plan = [] if found["error"] else [f"{arguments.file}: Snakemake executes no code of it", *_plan(found)]
        for line in [*plan, *_named(found)]:
            command.print_lines(line)
    if found["error"]:
        raise found["error"]
    return 0


def expected(plan: "Plan") -> tuple[int, list[float]]:
    """Estimated number of jobs, and (min, max) minutes of CPU time for small datasets.

    One job trains each cell, one more encodes images at scope full, and one ranks each variant of a setting. The times
    are those of the quickstart on different CPUs.
    """
    settings, protocols, datasets, backbones = map(
        len, (plan.settings(), plan.protocols, plan.datasets, plan.backbones)
    )
    ranked = {(cell.dataset, cell.protocol, cell.backbone, cell.variant) for cell in plan.cells}
    encoded = sum(plan.variants[cell.variant]["scope"] == "full" for cell in plan.cells)
    before = 2 * protocols + datasets + backbones + datasets * backbones  # splits, images, weights, features
    after = 4 * settings + 3  # evaluation, audit, costs and gallery; table, report, end
    jobs = before + len(plan.cells) + encoded + len(ranked) + after
    return jobs, [(start * jobs + work * len(plan.cells)) / 60 for start, work in SECONDS]


def _planned(config: "Config", trusted: bool) -> dict[str, Any]:
    """What a run would compute; raises L2HError if the config is invalid."""
    from l2h.config import require_drawable, resolved
    from l2h.plan.plan import Plan

    unknown: list[UnknownNameError] = []
    entries = resolved(config, None if trusted or not config.plugins else unknown)
    require_drawable(entries)
    datasets = [
        {"dataset": entry["name"], "protocol": entry["protocol_id"], "missing": entry["missing"]}
        for entry in entries["datasets"]
    ]
    plan = Plan(entries, "checked")
    if datasets and not plan.datasets:
        raise L2HError("; ".join(f"{entry['dataset']} cannot be run: {entry['missing']}" for entry in datasets))
    jobs, minutes = expected(plan)
    bundles = {"pretrained": ", ".join(config.pretrained)} if unknown and config.pretrained else {}
    return {
        "not_checked": {error.key: f"{error.name!r}{hint(error.name, error.known)}" for error in unknown} | bundles,
        "datasets": datasets,
        "backbones": [entry["label"] for entry in entries["backbones"]],
        "methods": [
            {"variant": entry["label"], "scope": entry["scope"], "impossible": entry["impossible"]}
            for entry in entries["methods"]
        ],
        "bits": config.bits,
        "seeds": config.seeds,
        "cells": len(plan.cells),
        "jobs": jobs,
        "minutes": minutes,
    }


def _plan(found: dict[str, Any]) -> Iterator[str]:
    """What a run would compute and skip, and which names were not checked."""
    datasets = [f"{entry['dataset']} ({entry['protocol']})" for entry in found["datasets"] if not entry["missing"]]
    methods = [f"{entry['variant']} ({entry['scope']})" for entry in found["methods"]]
    for key, values in (("datasets", datasets), ("backbones", found["backbones"]), ("methods", methods)):
        if values:
            yield f"{key}: {', '.join(values)}"
    yield f"code lengths: {', '.join(map(str, found['bits']))}; seeds: {', '.join(map(str, found['seeds']))}"
    least, most = found["minutes"]
    yield (
        f"{found['cells']} cells in about {found['jobs']} jobs; {least:.0f} to {most:.0f} minutes of CPU time for "
        "datasets of the quickstart's size, longer for larger ones"
    )
    for entry in found["datasets"]:
        if entry["missing"]:
            yield f"left out: {entry['dataset']} ({entry['protocol']}): {entry['missing']}"
    for entry in found["methods"]:
        for bits, why in entry["impossible"].items():
            yield f"left out: {entry['variant']} at {bits} bits: {why}"
    for key, name in found["not_checked"].items():
        yield f"not checked: {key}, {name}"
    if found["not_checked"]:
        yield "these names, which a plug-in may register, are not counted; read the plug-ins, then add --trust-plugins"


def _named(found: dict[str, Any]) -> Iterator[str]:
    """Plug-ins that a run would execute, and files that it would read."""
    for path in found["plugins"]:
        yield f"executes the plug-in {json.dumps(path)}"
    for key, value in found["names"].items():
        yield f"names {json.dumps(value)} at {key}"


def _names(config: "Config") -> Iterator[tuple[str, str]]:
    """Values that may be files, by key: weights, bundles, the mirror, and all text among parameters."""
    yield from ((f"pretrained[{number}]", path) for number, path in enumerate(config.pretrained))
    if config.dataset_mirror is not None:
        yield "dataset_mirror", config.dataset_mirror
    for number, backbone in enumerate(config.backbones):
        if backbone.weights is not None and backbone.weights.endswith(".safetensors"):
            yield f"backbones[{number}].weights", backbone.weights
    params = {
        "datasets": [entry.params for entry in config.datasets],
        "methods": [entry.params for entry in config.methods],
    }
    for key, entries in params.items():
        for number, given in enumerate(entries):
            yield from (
                (f"{key}[{number}].params.{name}", value) for name, value in given.items() if isinstance(value, str)
            )
