"""Refuse a split that leaks, and write down near copies of queries."""

from l2h.job import start

start(snakemake)

from l2h import near_copies, store
from l2h.datasets.images import iter_images
from l2h.progress import track
from l2h.splits import check

BATCH = 256

split = store.read_split(snakemake.input.split)
manifest = store.read_manifest(snakemake.input.manifest)
locations = dict(zip(manifest["id"].to_pylist(), manifest["location"].to_pylist(), strict=True))
check(split, locations)
images = iter_images(snakemake.input.images, manifest, BATCH)
work = f"{snakemake.wildcards.dataset}, near copies"
rows = near_copies.of_queries(split, track(work, images, len(manifest), "images", BATCH), locations)
store.write_rows(snakemake.output[0], rows, store.NEAR_COPIES)
