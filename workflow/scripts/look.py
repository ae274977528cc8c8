"""Choose queries of one setting, and picture them, what each method finds first for them, and the codes."""

from functools import partial

from l2h.job import start

start(snakemake)

from l2h import not_run
from l2h.store.manifests import read_classes, read_manifest
from l2h.store.results import NEAR_COPIES, read_metrics, read_queries, read_rows, write_look
from l2h.store.splits import read_split
from l2h.store import codes as codes_files
from l2h.datasets.images import ImageStore
from l2h.diagnostics import Diagnostics
from l2h.report.gallery import GalleryEntry, gallery

files, params = snakemake.input, snakemake.params
images = ImageStore(files.images, read_manifest(files.manifest))
cells = []
for codes, path, metrics in zip(files.codes, files.queries, files.metrics, strict=True):
    if not_run.find(codes):
        continue
    queries, key = read_queries(path)
    average_precision = queries.sort_by("query_id")["average_precision"].to_numpy()
    values = read_metrics(metrics).select(["metric", "value"]).to_pylist()
    figures = {row["metric"]: row["value"] for row in values if row["metric"] in Diagnostics.__required_keys__}
    read_codes = partial(codes_files.read_codes, codes)
    cells.append(GalleryEntry(key["variant"], key["bits"], key["seed"], average_precision, figures, read_codes))
seen = gallery(
    read_split(files.split),
    cells,
    read_rows(files.near_copies, NEAR_COPIES),
    lambda ids: images.read(images.rows_of(ids)),
    params.by_hand,
)
classes = read_classes(files.manifest)
write_look(snakemake.output[0], {**snakemake.wildcards, "classes": classes, **seen})
