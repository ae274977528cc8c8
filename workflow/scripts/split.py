"""Split a dataset's images into queries, training set and database; find the queries' nearest neighbours."""

from l2h.job import start

start(snakemake)

from l2h.store.features import iter_features, read_features
from l2h.store.files import write_checksum
from l2h.store.manifests import read_classes, read_manifest
from l2h.store.splits import write_split
from l2h.errors import L2HError
from l2h.exact_search import nearest_neighbours
from l2h.splits import Protocol, make_split, with_neighbours

dealing, near = snakemake.params.dealing, snakemake.params.neighbours
protocol = None if dealing is None else Protocol(**dealing)
manifest, classes = (read(snakemake.input.manifest) for read in (read_manifest, read_classes))
relevance = snakemake.params.relevance
split = make_split(manifest, snakemake.wildcards.protocol, protocol, snakemake.params.seed, classes, relevance)
if near:
    path = snakemake.input.features
    database = split.ids("database")
    if near["k"] >= len(database):
        raise L2HError(
            f"neighbours: {near['k']} of a database of {len(database)} items would make all of them relevant; set fewer"
        )
    queries = read_features(path, split.ids("query"))
    split = with_neighbours(
        split, nearest_neighbours(near["distance"], queries, iter_features(path), database, near["k"])
    )
write_split(snakemake.output.split, split)
write_checksum(snakemake.output.split, snakemake.output.checksum)
