"""Read and check a dataset of embeddings: its features and manifest."""

from l2h.job import start

start(snakemake)

from pathlib import Path

from l2h import datasets
from l2h.store.files import write_checksum
from l2h.datasets import followed
from l2h.datasets.downloads import Sources

params, output = snakemake.params, snakemake.output
dataset = datasets.make(params.reader, Sources(params.downloads, None), **params.arguments)
before = followed.snapshot(dataset.made_of())
dataset.prepare(Path(output.features), Path(output.manifest))
write_checksum(output.features, output.features_checksum)
write_checksum(output.manifest, output.checksum)
followed.remember(params.record, params.made_of, before, dataset.seen)
