"""Check a split for leaks, and list near copies of queries."""

from l2h.job import start

start(snakemake)

from l2h.datasets import leaks
from l2h.store.manifests import read_manifest
from l2h.store.results import NEAR_COPIES, write_rows
from l2h.store.splits import read_split
from l2h.store.thumbnails import read_thumbnails

split, manifest = read_split(snakemake.input.split), read_manifest(snakemake.input.manifest)
leaks.require_none(split, manifest, allow_lone_queries=snakemake.params.allow_lone_queries)
rows = []
if snakemake.input.thumbnails:
    rows = leaks.warn_of_near_copies(split, manifest, read_thumbnails(snakemake.input.thumbnails, manifest))
write_rows(snakemake.output[0], rows, NEAR_COPIES)
