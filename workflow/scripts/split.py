"""Deal a data set's images out to queries, training set and database."""

from l2h.job import start

start(snakemake)

from l2h import store
from l2h.splits import Protocol, make_split

dealing = snakemake.params.dealing
protocol = None if dealing is None else Protocol(**dealing)
manifest, classes = (read(snakemake.input.manifest) for read in (store.read_manifest, store.read_classes))
split = make_split(manifest, snakemake.wildcards.protocol, protocol, snakemake.params.seed, classes)
store.write_split(snakemake.output.split, split)
store.write_checksum(snakemake.output.split, snakemake.output.checksum)
