"""Gather all cells' metrics into the comparison table."""

from l2h.job import start

start(snakemake)

from l2h import store
from l2h.report import comparison

table = comparison.compare(store.read_metrics(path) for path in snakemake.input)
comparison.write(table, snakemake.output.csv, snakemake.output.parquet, snakemake.output.markdown)
