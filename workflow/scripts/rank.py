"""Compute the rank histograms of a variant's cells, for the database and for the database without training images."""

from functools import partial

from l2h.job import start

start(snakemake)

from l2h.store import not_run
from l2h.store.cells import cell_key
from l2h.store.codes import read_codes
from l2h.store.rankings import ranking_writer
from l2h.store.splits import read_split
from l2h.store.tables import read_metadata
from l2h.ranking.roles import rank_split

split, output = read_split(snakemake.input.split), snakemake.output
codes, absent = not_run.split_off(snakemake.input.codes)
with ranking_writer(output.database, absent) as database, ranking_writer(output.unseen, absent) as unseen:
    for path in codes:
        key = cell_key(read_metadata(path), path)
        rankings = rank_split(split, partial(read_codes, path), key["bits"], **snakemake.params.how)
        for write, ranking in zip((database, unseen), rankings, strict=True):
            write(key, split.ids("query"), ranking)
