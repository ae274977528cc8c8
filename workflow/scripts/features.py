"""Extract a dataset's features with one backbone: of all images, or of a split's training images, mirrored."""

from l2h.job import start

start(snakemake)

from l2h import device
from l2h.store.features import write_features
from l2h.store.files import write_checksum
from l2h.store.manifests import read_manifest
from l2h.store.splits import read_split
from l2h.backbones.weights import file_sha256
from l2h.datasets.images import iter_images, mirror
from l2h.backbones.extraction import BATCH_SIZE, Extractor
from l2h.progress import track

entry, dataset = snakemake.params.entry, snakemake.wildcards.dataset
manifest = read_manifest(snakemake.input.manifest)
target = device.choose(snakemake.params.device)
device.warn_of_emulation(entry["precision"], target)
extractor = Extractor(entry, snakemake.input.weights, target)
metadata = {**extractor.metadata, "dataset": dataset, "threads": str(snakemake.params.numeric_threads)}
metadata["manifest_sha256"] = file_sha256(snakemake.input.manifest)
work, ids = f"{dataset}, {entry['name']} {entry['layer']}, {entry['source']}", manifest["id"].to_numpy()
split = read_split(snakemake.input.split) if hasattr(snakemake.input, "split") else None
if split:
    metadata |= {"mirrored": split.protocol, "split_sha256": split.sha256}
    work, ids = f"{work}, mirrored", split.ids("train")
images = iter_images(snakemake.input.images, manifest, BATCH_SIZE, ids)
if split:
    images = ((some, mirror(batch)) for some, batch in images)
progress = track(work, extractor(images), len(ids), "images", BATCH_SIZE)
write_features(snakemake.output.features, progress, entry["dtype"], metadata)
write_checksum(snakemake.output.features, snakemake.output.checksum)
