"""Count the rank histograms: against the database, and against the part of it that was not trained on."""

from functools import partial

from l2h.job import start

start(snakemake)

from l2h import not_run

not_run.hand_on(snakemake)

from l2h.store.rankings import write_histogram
from l2h.store.splits import read_split
from l2h.store.tables import read_metadata
from l2h.store import codes
from l2h.ranking.roles import rank_split

split = read_split(snakemake.input.split)
metadata = read_metadata(snakemake.input.codes, "bits")
read_codes = partial(codes.read_codes, snakemake.input.codes)
database, unseen = rank_split(split, read_codes, int(metadata["bits"]), **snakemake.params.how)
for path, histogram in ((snakemake.output.database, database), (snakemake.output.unseen, unseen)):
    write_histogram(path, split.ids("query"), histogram, metadata)
