"""Fetch, make or check a data set: its image store and manifest."""

from l2h.job import start

start(snakemake)

from pathlib import Path

from l2h import datasets, store
from l2h.datasets import followed
from l2h.fetch import Sources

params = snakemake.params
sources = Sources(params.downloads, snakemake.config["dataset_mirror"])
dataset = datasets.make(params.reader, sources, **params.arguments)
before = followed.snapshot(dataset.made_of())
dataset.prepare(Path(snakemake.output.images), Path(snakemake.output.manifest))
store.write_checksum(snakemake.output.manifest, snakemake.output.checksum)
followed.remember(params.record, params.made_of, before, dataset.seen)
