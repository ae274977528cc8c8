"""Gather all cells' metrics into the comparison table, and test the differences between methods."""

from l2h.job import start

start(snakemake)

from l2h.store.cells import cells_not_run, in_order
from l2h.store.results import iter_metrics, iter_queries, write_frame
from l2h.report import comparison, differences

files, params = snakemake.input, snakemake.params
metrics = in_order(map(iter_metrics, files.metrics), params.order)
methods = differences.methods(in_order(map(iter_queries, files.queries), params.order), params.deterministic)
absent = [one for path in files.metrics for one in cells_not_run(path)]
table = comparison.compare((rows for _, rows in metrics), methods, [*absent, *params.not_run])
comparison.write(table, snakemake.output.csv, snakemake.output.parquet, snakemake.output.markdown)
tested = differences.between_methods(methods)
differences.write(tested, snakemake.output.differences)
write_frame(snakemake.output.tested, tested)
