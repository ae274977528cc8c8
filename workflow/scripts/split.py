"""Deal a data set's images out to queries, training set and database."""

from l2h.job import start

start(snakemake)

from l2h.store.files import write_checksum
from l2h.store.manifests import read_classes, read_manifest
from l2h.store.splits import write_split
from l2h.splits import Protocol, make_split

dealing = snakemake.params.dealing
protocol = None if dealing is None else Protocol(**dealing)
manifest, classes = (read(snakemake.input.manifest) for read in (read_manifest, read_classes))
split = make_split(manifest, snakemake.wildcards.protocol, protocol, snakemake.params.seed, classes)
write_split(snakemake.output.split, split)
write_checksum(snakemake.output.split, snakemake.output.checksum)
