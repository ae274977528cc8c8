"""Write the report, and the table joined with costs."""

from l2h.job import start

start(snakemake)

import pandas as pd
import pyarrow as pa

from l2h import store
from l2h.report import costs, page

files, params = snakemake.input, snakemake.params
joined = costs.join(pd.read_parquet(files.comparison), (store.read_rows(path, store.COSTS) for path in files.costs))
costs.write_table(joined, snakemake.output.table)
audits = pa.concat_tables([store.AUDIT.empty_table(), *(store.read_rows(path, store.AUDIT) for path in files.audits)])
command = f"snakemake --cores 8 --configfile {params.config_file}"
text = page.render(joined, pd.read_csv(files.differences), audits.to_pandas(), params.run, command)
page.write(text, snakemake.output.report)
