"""Fetch or make a data set: its image store and manifest."""

from l2h.job import start

start(snakemake)

from pathlib import Path

from l2h import datasets
from l2h.fetch import Sources

sources = Sources(snakemake.params.downloads, snakemake.config["dataset_mirror"])
dataset = datasets.registry.get(snakemake.wildcards.dataset)(sources)
dataset.prepare(Path(snakemake.output.images), Path(snakemake.output.manifest))
