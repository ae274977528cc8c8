"""Gather all cells' metrics into the comparison table, and test the differences between methods."""

from l2h.job import start

start(snakemake)

from l2h import not_run
from l2h.store.results import read_metrics, read_queries, write_frame
from l2h.report import comparison, differences

paths, absent = not_run.split_off(snakemake.input.metrics)
metrics = map(read_metrics, paths)
queries = map(read_queries, not_run.split_off(snakemake.input.queries)[0])
methods = differences.methods(queries, snakemake.params.deterministic)
table = comparison.compare(metrics, methods, [*absent, *snakemake.params.not_run])
comparison.write(table, snakemake.output.csv, snakemake.output.parquet, snakemake.output.markdown)
tested = differences.between_methods(methods)
differences.write(tested, snakemake.output.differences)
write_frame(snakemake.output.tested, tested)
