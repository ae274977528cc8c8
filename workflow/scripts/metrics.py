"""Compute all metrics of one cell from its rank histograms and codes."""

from l2h.job import start

start(snakemake)

from l2h import store
from l2h.evaluation import evaluate, per_query

ids, database, metadata = store.read_histogram(snakemake.input.database)
_, unseen, _ = store.read_histogram(snakemake.input.unseen)
codes = store.read_codes(snakemake.input.codes, store.read_split(snakemake.input.split).ids("database"))
key = store.cell_key(metadata)
figures = evaluate(database, unseen, codes)
store.write_metrics(snakemake.output.metrics, [{**key, **figure} for figure in figures])
store.write_queries(snakemake.output.queries, {"query_id": ids, **per_query(database, unseen)}, metadata)
