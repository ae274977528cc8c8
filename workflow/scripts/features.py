"""Extract a data set's features with one backbone: of all images, or of a split's training images, mirrored."""

from l2h.job import start

start(snakemake)

import l2h
from l2h import backbones, device, store
from l2h.backbones.weights import file_sha256, load_network
from l2h.datasets.images import iter_images, mirror
from l2h.features import BATCH_SIZE, extract
from l2h.progress import track

entry = snakemake.params.entry
backbone = backbones.registry.get(entry["name"])()
manifest = store.read_manifest(snakemake.input.manifest)
side = backbone.side(entry["input_size"])
target = device.choose(snakemake.params.device)
device.warn_of_emulation(entry["precision"], target)
network = backbone.fold(load_network(backbone, entry["layer"], snakemake.input.weights))
split = store.read_split(snakemake.input.split) if hasattr(snakemake.input, "split") else None
ids = None if split is None else split.ids("train")
images = iter_images(snakemake.input.images, manifest, BATCH_SIZE, ids)
features = extract(
    images if split is None else ((some, mirror(batch)) for some, batch in images),
    network,
    size=side,
    mean=backbone.mean,
    std=backbone.std,
    precision=entry["precision"],
    device=target,
    at_once=backbone.cpu_batch if target.type == "cpu" else BATCH_SIZE,
)
metadata = {
    "dataset": snakemake.wildcards.dataset,
    "backbone": entry["name"],
    "layer": entry["layer"],
    "weights": entry["source"],
    "weights_sha256": file_sha256(snakemake.input.weights),
    "input_size": str(side),
    "precision": entry["precision"],
    "device": target.type,
    "threads": str(snakemake.params.numeric_threads),
    "preprocessing": f"whole image to a square, bilinear, antialiased; mean {backbone.mean}, std {backbone.std}",
    "l2h_version": l2h.__version__,
}
if split is not None:
    metadata |= {"mirrored": split.protocol, "split_sha256": split.sha256}
work = f"{snakemake.wildcards.dataset}, {entry['name']} {entry['layer']}, {entry['source']}"
progress = track(work, features, len(manifest if ids is None else ids), "images", BATCH_SIZE)
store.write_features(snakemake.output[0], progress, entry["dtype"], metadata)
