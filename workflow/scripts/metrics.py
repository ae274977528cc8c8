"""Compute all metrics of one cell from its rankings."""

from l2h.job import start

start(snakemake)

from l2h import store
from l2h.evaluation import evaluate

_, database, metadata = store.read_ranking(snakemake.input.database)
_, unseen, _ = store.read_ranking(snakemake.input.unseen)
key = store.cell_key(metadata)
store.write_metrics(snakemake.output[0], [{**key, **figure} for figure in evaluate(database, unseen)])
