"""Refuse a split that leaks, and write down near copies of queries."""

from l2h.job import start

start(snakemake)

from l2h import leaks, store

split, manifest = store.read_split(snakemake.input.split), store.read_manifest(snakemake.input.manifest)
store.write_rows(snakemake.output[0], leaks.look_for(split, manifest, snakemake.input.images), store.NEAR_COPIES)
