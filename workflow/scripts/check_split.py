"""Refuse a split that leaks, and write down near copies of queries."""

from l2h.job import start

start(snakemake)

from l2h import leaks, near_copies
from l2h.store.manifests import read_manifest
from l2h.store.results import NEAR_COPIES, write_rows
from l2h.store.splits import read_split
from l2h.store.thumbnails import read_thumbnails

split, manifest = read_split(snakemake.input.split), read_manifest(snakemake.input.manifest)
leaks.require_none(split, manifest, allow_lone_queries=snakemake.params.allow_lone_queries)
rows = near_copies.of_queries(split, manifest, read_thumbnails(snakemake.input.thumbnails, manifest))
write_rows(snakemake.output[0], rows, NEAR_COPIES)
