"""Write the report, and the table joined with costs."""

from l2h.job import start

start(snakemake)

import pyarrow as pa

from l2h import not_run
from l2h.store.results import AUDIT, COSTS, read_frame, read_look, read_metrics, read_queries, read_rows
from l2h.report import charts, cost_columns, differences, page, power, run_info
from l2h.runs import description

files, params = snakemake.input, snakemake.params
measured = [read_rows(path, COSTS) for path in files.costs]
joined = cost_columns.join(read_frame(files.comparison), measured)
cost_columns.write_table(joined, snakemake.output.table)
audits = pa.concat_tables([AUDIT.empty_table(), *(read_rows(path, AUDIT) for path in files.audits)])
tested = read_frame(files.differences)
curves = charts.precision_recall([read_metrics(path) for path in not_run.split_off(files.metrics)[0]])
queries = map(read_queries, not_run.split_off(files.queries)[0])
designs = power.of_settings(differences.methods(queries, params.described["deterministic"]))
looks = [read_look(path) for path in files.looks]
facts = params.described | run_info.facts(
    params.command,
    params.config_file,
    [name for table in measured for name in table["hardware"].unique().to_pylist()],
    dict(zip(params.protocols, zip(files.splits, files.manifests, strict=True), strict=True)),
    params.plan,
)
description.write(facts, snakemake.output.run_info)
text, plots = page.render(
    joined, tested, audits.to_pandas(), curves, designs, looks, {params.run: facts}, set(facts["supervised"])
)
page.write(text, snakemake.output.report)
charts.write_files(plots, snakemake.output.plots)
