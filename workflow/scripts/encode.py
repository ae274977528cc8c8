"""Encode all features of a dataset as packed codes."""

from l2h.job import start

start(snakemake)

from l2h.store import not_run

not_run.hand_on(snakemake)

from l2h import hashing
from l2h.store.codes import write_codes
from l2h.store.features import iter_features, weights_name

hasher = hashing.load(snakemake.input.model)
codes = ((ids, hasher.transform(features)) for ids, features in iter_features(snakemake.input.features))
write_codes(snakemake.output[0], codes, {**snakemake.params.key, "weights": weights_name(snakemake.input.features)})
