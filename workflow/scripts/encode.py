"""Turn all features of a data set into packed codes."""

from l2h.job import start

start(snakemake)

from l2h import hashing, store

hasher = hashing.load(snakemake.input.model)
made_of = store.read_metadata(snakemake.input.features, "weights", "weights_sha256")
weights = store.weights_column(made_of)
codes = ((ids, hasher.transform(features)) for ids, features in store.iter_features(snakemake.input.features))
store.write_codes(snakemake.output[0], codes, {**snakemake.params.key, "weights": weights})
