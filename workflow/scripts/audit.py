"""Compute what common mistakes would have printed, for each variant and code length of one data set."""

from l2h.job import start

start(snakemake)

from l2h import hashing, store
from l2h.audit import audit_models

features = snakemake.input.features
models = [hashing.load(path) for path in snakemake.input.models]
results = audit_models(models, store.iter_features(features), store.read_split(snakemake.input.split))
weights = store.weights_name(features)
cells = zip(snakemake.params.cell_keys, results, strict=True)
rows = [{**snakemake.wildcards, "weights": weights, **key, **row} for key, figures in cells for row in figures]
store.write_rows(snakemake.output[0], rows, store.AUDIT)
