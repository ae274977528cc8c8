"""Compute scores under common evaluation bugs, for each variant and code length of one dataset."""

from l2h.job import start

start(snakemake)

from l2h import hashing
from l2h.store import not_run
from l2h.store.features import iter_features, weights_name
from l2h.store.results import AUDIT, write_rows
from l2h.store.splits import read_split
from l2h.evaluation.audit import audit_models

features = snakemake.input.features
cells = zip(snakemake.params.cells, snakemake.input.models, strict=True)
cells = [(key, path) for key, path in cells if not not_run.find(path)]
models = [hashing.load(path) for _, path in cells]
results = audit_models(models, iter_features(features), read_split(snakemake.input.split))
weights = weights_name(features)
rows = [
    {**snakemake.wildcards, "weights": weights, **key, **row}
    for (key, _), figures in zip(cells, results, strict=True)
    for row in figures
]
write_rows(snakemake.output[0], rows, AUDIT)
