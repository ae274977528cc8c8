"""Compute all metrics of one cell from its rankings and, where it has some, its codes."""

from l2h.job import start

start(snakemake)

from l2h import not_run

not_run.hand_on(snakemake)

from l2h import store
from l2h.evaluation import evaluate

ids, database, metadata = store.read_ranking(snakemake.input.database)
_, unseen, _ = store.read_ranking(snakemake.input.unseen)
path = snakemake.input.get("codes")
codes = store.read_codes(path, store.read_split(snakemake.input.split).ids("database")) if path else None
key = store.cell_key(metadata)
model = snakemake.input.get("model")
selection = store.read_description(model)["selection"] if model else None
figures, by_query = evaluate(database, unseen, codes, selection)
store.write_metrics(snakemake.output.metrics, [{**key, **figure} for figure in figures])
store.write_queries(snakemake.output.queries, {"query_id": ids, **by_query}, metadata)
