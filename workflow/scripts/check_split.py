"""Refuse a split that leaks, and write down near copies of queries."""

from l2h.job import start

start(snakemake)

from l2h import leaks, store

split, manifest = store.read_split(snakemake.input.split), store.read_manifest(snakemake.input.manifest)
rows = leaks.look_for(split, manifest, snakemake.input.images, allow_lone_queries=snakemake.params.allow_lone_queries)
store.write_rows(snakemake.output[0], rows, store.NEAR_COPIES)
