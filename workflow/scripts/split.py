"""Deal a data set's images out to queries, training set and database."""

from l2h.job import start

start(snakemake)

from l2h import store
from l2h.splits import Protocol, make_split

dealing = snakemake.params.dealing
protocol = None if dealing is None else Protocol(**dealing)
manifest = store.read_manifest(snakemake.input[0])
store.write_split(
    snakemake.output[0], make_split(manifest, snakemake.wildcards.protocol, protocol, snakemake.params.seed)
)
