"""Write the report."""

from l2h.job import start

start(snakemake)

import pandas as pd

from l2h.report import page

command = f"snakemake --cores 8 --configfile {snakemake.params.config_file}"
table = pd.read_parquet(snakemake.input.comparison)
differences = pd.read_csv(snakemake.input.differences)
page.write(page.render(table, differences, snakemake.params.run, command), snakemake.output[0])
