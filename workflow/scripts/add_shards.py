"""Add the rank histograms of a database's shards, one after the other."""

from l2h.job import start

start(snakemake)

from l2h import not_run

not_run.hand_on(snakemake)

from l2h import store

for name, path in snakemake.output.items():
    first, *others = snakemake.input[name]
    query_ids, histogram, metadata = store.read_histogram(first)
    for other in others:
        histogram += store.read_histogram(other)[1]
    store.write_histogram(path, query_ids, histogram, metadata)
