"""Deal a data set's images out to queries, training set and database."""

from l2h.job import start

start(snakemake)

from l2h import store
from l2h.splits import Protocol, make_split

dealing = snakemake.params.dealing
protocol = None if dealing is None else Protocol(**dealing)
manifest = store.read_manifest(snakemake.input.manifest)
store.write_split(
    snakemake.output.split, make_split(manifest, snakemake.wildcards.protocol, protocol, snakemake.params.seed)
)
store.write_checksum(snakemake.output.split, snakemake.output.checksum)
