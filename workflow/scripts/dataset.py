"""Fetch or make a data set: its image store and manifest."""

from l2h.job import start

start(snakemake)

from functools import partial
from pathlib import Path

from l2h import datasets
from l2h.fetch import fetch

folder, mirror = snakemake.params.downloads, snakemake.config["dataset_mirror"]
dataset = datasets.registry.get(snakemake.wildcards.dataset)(partial(fetch, folder=folder, mirror=mirror))
dataset.prepare(Path(snakemake.output.images), Path(snakemake.output.manifest))
