"""Write the report, and the table joined with costs."""

from l2h.job import start

start(snakemake)

import pyarrow as pa

from l2h import not_run, store
from l2h.report import charts, cost_columns, differences, page, power, run_info
from l2h.runs import description

files, params = snakemake.input, snakemake.params
measured = [store.read_rows(path, store.COSTS) for path in files.costs]
joined = cost_columns.join(store.read_frame(files.comparison), measured)
cost_columns.write_table(joined, snakemake.output.table)
audits = pa.concat_tables([store.AUDIT.empty_table(), *(store.read_rows(path, store.AUDIT) for path in files.audits)])
tested = store.read_frame(files.differences)
curves = charts.precision_recall([store.read_metrics(path) for path in not_run.split_off(files.metrics)[0]])
queries = map(store.read_queries, not_run.split_off(files.queries)[0])
designs = power.of_settings(differences.methods(queries, params.described["deterministic"]))
looks = [store.read_look(path) for path in files.looks]
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
