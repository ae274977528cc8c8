"""Verify and unpack a bundle."""

from l2h.job import start

start(snakemake)

from l2h.bundles.unpack import unpack

unpack(snakemake.params.bundle, snakemake.params.folder)
