"""Write the report, and the table joined with costs."""

from l2h.job import start

start(snakemake)

import pyarrow as pa

from l2h.store.cells import in_order
from l2h.store.results import AUDIT, COSTS, iter_metrics, iter_queries, read_frame, read_gallery, read_rows
from l2h.report import cost_columns, curves, differences, page, plots, power, run_info
from l2h.runs import description

files, params = snakemake.input, snakemake.params
measured = [read_rows(path, COSTS) for path in files.costs]
joined = cost_columns.join(read_frame(files.comparison), measured)
cost_columns.write_table(joined, snakemake.output.table)
audits = pa.concat_tables([AUDIT.empty_table(), *(read_rows(path, AUDIT) for path in files.audits)])
tested = read_frame(files.differences)
of_cells = curves.precision_recall([rows for _, rows in in_order(map(iter_metrics, files.metrics), params.order)])
queries = in_order(map(iter_queries, files.queries), params.order)
designs = power.of_settings(differences.methods(queries, params.described["deterministic"]))
galleries = [read_gallery(path) for path in files.galleries]
facts = params.described | run_info.facts(
    params.command,
    params.config_file,
    [name for table in measured for name in table["hardware"].unique().to_pylist()],
    dict(zip(params.protocols, zip(files.splits, files.manifests, strict=True), strict=True)),
    params.plan,
)
description.write(facts, snakemake.output.run_info)
text, drawings = page.render(
    joined, tested, audits.to_pandas(), of_cells, designs, galleries, {params.run: facts}, set(facts["supervised"])
)
page.write(text, snakemake.output.report)
plots.write(drawings, snakemake.output.plots)
