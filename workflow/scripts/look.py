"""Choose queries of one place, and picture them, what each method finds first for them, and the codes."""

from functools import partial

from l2h.job import start

start(snakemake)

from l2h import not_run, store
from l2h.datasets.images import ImageStore
from l2h.report.look import Cell, look

files, params = snakemake.input, snakemake.params
images = ImageStore(files.images, store.read_manifest(files.manifest))
cells = []
for codes, path in zip(files.codes, files.queries, strict=True):
    if not_run.find(codes):
        continue
    queries, key = store.read_queries(path)
    average_precision = queries.sort_by("query_id")["average_precision"].to_numpy()
    cells.append(Cell(key["variant"], key["bits"], key["seed"], average_precision, partial(store.read_codes, codes)))
seen = look(
    store.read_split(files.split),
    cells,
    store.read_rows(files.near_copies, store.NEAR_COPIES),
    lambda ids: images.read(images.rows_of(ids)),
    params.by_hand,
)
classes = store.read_classes(files.manifest)
store.write_look(snakemake.output[0], {**snakemake.wildcards, "classes": classes, **seen})
