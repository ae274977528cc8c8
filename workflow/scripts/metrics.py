"""Compute all metrics of one cell from its rankings and, where it has some, its codes."""

from l2h.job import start

start(snakemake)

from l2h import not_run

not_run.hand_on(snakemake)

from l2h.store.codes import read_codes
from l2h.store.models import read_description
from l2h.store.rankings import read_ranking
from l2h.store.results import cell_key, write_metrics, write_queries
from l2h.store.splits import read_split
from l2h.evaluation import evaluate

ids, database, metadata = read_ranking(snakemake.input.database)
_, unseen, _ = read_ranking(snakemake.input.unseen)
path = snakemake.input.get("codes")
codes = read_codes(path, read_split(snakemake.input.split).ids("database")) if path else None
key = cell_key(metadata)
model = snakemake.input.get("model")
selection = read_description(model)["selection"] if model else None
figures, by_query = evaluate(database, unseen, codes, selection)
write_metrics(snakemake.output.metrics, [{**key, **figure} for figure in figures])
write_queries(snakemake.output.queries, {"query_id": ids, **by_query}, metadata)
