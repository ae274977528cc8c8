"""Encode all images of a dataset as packed codes, with a network of scope full."""

from l2h.job import start

start(snakemake)

from l2h.store import not_run

not_run.hand_on(snakemake)

from l2h import device
from l2h.store.codes import write_codes
from l2h.store.manifests import read_manifest
from l2h.datasets.images import iter_images, require_same
from l2h.backbones.extraction import BATCH_SIZE
from l2h.hashing.deep import network
from l2h.progress import track

key = snakemake.params.key
hasher = network.load(snakemake.input.model)
manifest = read_manifest(snakemake.input.manifest)
require_same(manifest, read_manifest(snakemake.input.listed), snakemake.input.listed)
batches = iter_images(snakemake.input.images, manifest, BATCH_SIZE)
codes = hasher.encode(batches, device.choose(snakemake.params.device))
progress = track(f"{key['dataset']}, {key['variant']}", codes, len(manifest), "images", BATCH_SIZE)
write_codes(snakemake.output[0], progress, {**key, "weights": hasher.weights})
