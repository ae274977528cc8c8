"""Add up the rank histograms of a database's shards, one cell at a time."""

from functools import reduce
from operator import add

from l2h.job import start

start(snakemake)

from l2h.store.cells import cells_not_run
from l2h.store.rankings import iter_rankings, ranking_writer

for part, path in snakemake.output.items():
    shards = snakemake.input[part]
    with ranking_writer(path, cells_not_run(shards[0])) as write:
        for same_cell in zip(*map(iter_rankings, shards), strict=True):
            key, query_ids, _ = same_cell[0]
            write(key, query_ids, reduce(add, [histogram for _, _, histogram in same_cell]))
