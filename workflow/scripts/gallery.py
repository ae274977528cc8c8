"""Choose queries of one setting for the gallery, with each method's first results and codes."""

from functools import partial

from l2h.job import start

start(snakemake)

from l2h import metrics
from l2h.store import not_run
from l2h.store.cells import cell_key
from l2h.store.codes import read_codes
from l2h.store.manifests import read_classes, read_manifest
from l2h.store.results import NEAR_COPIES, iter_metrics, iter_queries, read_rows, write_gallery
from l2h.store.splits import read_split
from l2h.store.tables import read_metadata
from l2h.datasets.images import ImageStore
from l2h.report.gallery import GalleryEntry, gallery

files, params = snakemake.input, snakemake.params
images = ImageStore(files.images, read_manifest(files.manifest))
precisions = {
    tuple(key.values()): queries.sort_by("query_id")["average_precision"].to_numpy()
    for path in files.queries
    for key, queries in iter_queries(path)
}
of_codes = [name for name, metric in metrics.registered().items() if metric.of == "codes"]
diagnostics = {
    tuple(key.values()): {row["metric"]: row["value"] for row in rows.to_pylist() if row["metric"] in of_codes}
    for path in files.metrics
    for key, rows in iter_metrics(path)
}
entries = []
for path in not_run.split_off(files.codes)[0]:
    key = cell_key(read_metadata(path), path)
    cell = tuple(key.values())
    entries.append(
        GalleryEntry(
            key["variant"], key["bits"], key["seed"], precisions[cell], diagnostics[cell], partial(read_codes, path)
        )
    )
seen = gallery(
    read_split(files.split),
    entries,
    read_rows(files.near_copies, NEAR_COPIES),
    lambda ids: images.read(images.rows_of(ids)),
    params.by_hand,
)
classes = read_classes(files.manifest)
write_gallery(snakemake.output[0], {**snakemake.wildcards, "classes": classes, **seen})
