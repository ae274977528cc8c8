"""Turn all features of a data set into packed codes."""

from l2h.job import start

start(snakemake)

from l2h import not_run

not_run.hand_on(snakemake)

from l2h import hashing, store

hasher = hashing.load(snakemake.input.model)
codes = ((ids, hasher.transform(features)) for ids, features in store.iter_features(snakemake.input.features))
store.write_codes(
    snakemake.output[0], codes, {**snakemake.params.key, "weights": store.weights_name(snakemake.input.features)}
)
