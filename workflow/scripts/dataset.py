"""Prepare a dataset: its image store, manifest and thumbnails."""

from l2h.job import start

start(snakemake)

from pathlib import Path

from l2h import datasets
from l2h.store.files import write_checksum
from l2h.store.manifests import read_manifest
from l2h.store.thumbnails import write_thumbnails
from l2h.datasets import followed, grey_thumbnails
from l2h.datasets.downloads import Sources

params, output = snakemake.params, snakemake.output
sources = Sources(params.downloads, snakemake.config["dataset_mirror"])
dataset = datasets.make(params.reader, sources, **params.arguments)
before = followed.snapshot(dataset.made_of())
dataset.prepare(Path(output.images), Path(output.manifest))
write_checksum(output.manifest, output.checksum)
manifest, thumbnails = read_manifest(output.manifest), dataset.thumbnails
if thumbnails is None:
    thumbnails = grey_thumbnails.of_store(output.images, manifest)
write_thumbnails(output.thumbnails, manifest, thumbnails)
followed.remember(params.record, params.made_of, before, dataset.seen)
