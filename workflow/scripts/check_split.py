"""Refuse a split that leaks, and write down near copies of queries."""

from l2h.job import start

start(snakemake)

from l2h import leaks, near_copies, store

split, manifest = store.read_split(snakemake.input.split), store.read_manifest(snakemake.input.manifest)
leaks.require_none(split, manifest, allow_lone_queries=snakemake.params.allow_lone_queries)
rows = near_copies.of_queries(split, manifest, store.read_thumbnails(snakemake.input.thumbnails, manifest))
store.write_rows(snakemake.output[0], rows, store.NEAR_COPIES)
