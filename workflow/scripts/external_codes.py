"""Check external codes, and write them in l2h's format."""

from l2h.job import start

start(snakemake)

from l2h import hashing
from l2h.store.codes import write_codes
from l2h.store.manifests import read_manifest

key = snakemake.params.key
external = hashing.make("external", bits=int(key["bits"]), **snakemake.params.arguments)
ids = read_manifest(snakemake.input.manifest)["id"].to_numpy()
codes = external.read(snakemake.input.codes, ids)
write_codes(snakemake.output[0], [(ids, codes)], {**key, "weights": "external"})
