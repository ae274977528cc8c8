"""Compute all metrics of a setting's cells, from their rankings and their codes, if any."""

from l2h.job import start

start(snakemake)

from l2h.store import not_run
from l2h.store.cells import cell_key, cells_not_run
from l2h.store.codes import read_codes
from l2h.store.models import read_description
from l2h.store.rankings import iter_rankings
from l2h.store.results import write_metrics, write_queries
from l2h.store.splits import read_split
from l2h.store.tables import read_metadata
from l2h.evaluation.cell import evaluate


def same(key):
    """The key of a cell within its setting."""
    return key["variant"], int(key["bits"]), int(key["seed"])


files = snakemake.input
ids = read_split(files.split).ids("database")
codes = {same(cell_key(read_metadata(path), path)): path for path in not_run.split_off(files.codes)[0]}
models = map(read_description, not_run.split_off(files.models)[0])
selections = {same(model["data"]): model["selection"] for model in models}
metrics, queries = [], []
for paths in zip(files.database, files.unseen, strict=True):
    for (key, query_ids, ranking), (_, _, unseen) in zip(*map(iter_rankings, paths), strict=True):
        path = codes.get(same(key))
        packed = read_codes(path, ids) if path else None
        figures, by_query = evaluate(ranking, unseen, packed, selections.get(same(key)))
        metrics.append((key, figures))
        queries.append((key, {"query_id": query_ids, **by_query}))
absent = [one for path in files.database for one in cells_not_run(path)]
write_metrics(snakemake.output.metrics, metrics, absent)
write_queries(snakemake.output.queries, queries, absent)
