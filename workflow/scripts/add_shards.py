"""Add the rank histograms of a database's shards, one after the other."""

from l2h.job import start

start(snakemake)

from l2h import not_run

not_run.hand_on(snakemake)

from l2h.store.rankings import read_histogram, write_histogram

for name, path in snakemake.output.items():
    first, *others = snakemake.input[name]
    query_ids, histogram, metadata = read_histogram(first)
    for other in others:
        histogram += read_histogram(other)[1]
    write_histogram(path, query_ids, histogram, metadata)
