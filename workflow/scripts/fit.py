"""Train one method at one code length on the training images' features."""

from l2h.job import start

start(snakemake)

from l2h import hashing, store

key = snakemake.params.key
split = store.read_split(snakemake.input.split)
ids = split.ids("train")
features = store.read_features(snakemake.input.features, ids)
hasher = hashing.make(key["method"], bits=int(key["bits"]), random_state=int(key["seed"]), **snakemake.params.arguments)
mirrored = {}
if snakemake.input.mirrored:
    mirrored["mirrored"] = store.read_features(snakemake.input.mirrored, ids)
hasher.fit(features, split.labels(ids), **mirrored)
data = {**key, "split_sha256": split.sha256, "flipped": bool(mirrored)}
hasher.save(snakemake.output[0], {**data, "features": store.read_metadata(snakemake.input.features)})
