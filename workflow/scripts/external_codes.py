"""Check codes that another program made, and write them as this one does."""

from l2h.job import start

start(snakemake)

from l2h import hashing, store

key = snakemake.params.key
external = hashing.make("external", bits=int(key["bits"]), **snakemake.params.arguments)
ids = store.read_manifest(snakemake.input.manifest)["id"].to_numpy()
codes = external.read(snakemake.input.codes, ids)
store.write_codes(snakemake.output[0], [(ids, codes)], {**key, "weights": "external"})
