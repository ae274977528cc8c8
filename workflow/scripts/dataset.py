"""Fetch or make a data set: its image store and manifest."""

from l2h.job import start

start(snakemake)

from pathlib import Path

from l2h import datasets

dataset = datasets.registry.get(snakemake.wildcards.dataset)()
dataset.prepare(Path(snakemake.output.images), Path(snakemake.output.manifest))
