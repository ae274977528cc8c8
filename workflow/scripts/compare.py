"""Gather all cells' metrics into the comparison table, and test the differences between methods."""

from l2h.job import start

start(snakemake)

from l2h import store
from l2h.report import comparison, differences

queries = [store.read_queries(path) for path in snakemake.input.queries]
metrics = map(store.read_metrics, snakemake.input.metrics)
table = comparison.compare(metrics, queries, snakemake.params.not_run)
comparison.write(table, snakemake.output.csv, snakemake.output.parquet, snakemake.output.markdown)
tested = differences.between_methods(queries)
differences.write(tested, snakemake.output.differences)
store.write_frame(snakemake.output.tested, tested)
