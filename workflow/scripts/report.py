"""Write the report, and the table joined with costs."""

from l2h.job import start

start(snakemake)

import pandas as pd

from l2h import store
from l2h.report import charts, costs, page

files, params = snakemake.input, snakemake.params
joined = costs.join(pd.read_parquet(files.comparison), (store.read_rows(path, store.COSTS) for path in files.costs))
costs.write_table(joined, snakemake.output.table)
audits = pd.concat(store.read_rows(path, store.AUDIT).to_pandas() for path in files.audits)
command = f"snakemake --cores 8 --configfile {params.config_file}"
differences = pd.read_csv(files.differences)
curves = charts.precision_recall([store.read_metrics(path) for path in files.metrics])
text, plots = page.render(joined, differences, audits, curves, params.run, command, set(params.supervised))
page.write(text, snakemake.output.report)
charts.write_files(plots, snakemake.output.plots)
