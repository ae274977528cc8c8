"""Files and description of a dataset's bundle."""

from typing import Any

from l2h import backbones, datasets, paths
from l2h.bundles.release import weights_licence
from l2h.config import EXTERNAL, declared
from l2h.errors import L2HError
from l2h.hashing.external import External
from l2h.plan.plan import Plan


def datasets_of(plan: Plan) -> list[str]:
    """The datasets that can be released as bundles: those with images.

    Raises
    ------
    L2HError
        there is none
    """
    found = [name for name in plan.datasets if name not in plan.embedded]
    if not found:
        raise L2HError(f"{', '.join(plan.embedded)} has embeddings, which no bundle holds; share the files themselves")
    return found


def contents(plan: Plan, dataset: str) -> dict[str, str]:
    """The run's files by their paths in the bundle; a model is a folder."""
    files = {paths.MANIFEST: plan.in_home(dataset, paths.MANIFEST)}
    for setting in plan.settings(external=False):
        if setting["dataset"] == dataset:
            files[paths.SPLIT.format(**setting)] = plan.split(setting)
            files[paths.FEATURES.format(features=setting["backbone"])] = plan.features_file(setting)
    for cell in plan.cells:
        if cell.dataset == dataset and cell.backbone != EXTERNAL:
            files[cell.path(paths.BUNDLED_MODEL)] = plan.model(cell)
    return files


def description(plan: Plan, dataset: str) -> dict[str, Any]:
    """The arguments of `l2h.bundles.release.release` except the files."""
    entries = [entry for entry in plan.config["datasets"] if entry["name"] == dataset]
    licences = {f"data set {dataset}": datasets.registry.get(entries[0]["reader"]).licence}
    for label, entry in plan.backbones.items():
        backbone = backbones.registry.get(entry["name"])
        licences[f"weights {entry['source']} of {label}"] = weights_licence(backbone, entry["source"], entry["local"])
    fitted = [name for name in plan.variants if name not in plan.kind(External)]
    return {
        "dataset": dataset,
        "backbones": {label: plan.extraction(entry) for label, entry in plan.backbones.items()},
        "variants": {
            name: {key: plan.variants[name][key] for key in ("method", "scope", "arguments")} for name in fitted
        },
        "licences": licences,
        "config": declared({**plan.config, "datasets": entries, "pretrained": [], "dataset_mirror": None}),
    }
