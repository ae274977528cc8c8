"""Gather all cells' metrics into the comparison table, and test the differences between methods."""

from l2h.job import start

start(snakemake)

from l2h import not_run, store
from l2h.report import comparison, differences

paths, absent = not_run.split_off(snakemake.input.metrics)
metrics = map(store.read_metrics, paths)
queries = [store.read_queries(path) for path in not_run.split_off(snakemake.input.queries)[0]]
deterministic = snakemake.params.deterministic
table = comparison.compare(metrics, queries, [*absent, *snakemake.params.not_run], deterministic)
comparison.write(table, snakemake.output.csv, snakemake.output.parquet, snakemake.output.markdown)
tested = differences.between_methods(queries, deterministic)
differences.write(tested, snakemake.output.differences)
store.write_frame(snakemake.output.tested, tested)
