"""Extract a data set's features with one backbone."""

from l2h.job import start

start(snakemake)

from l2h import device, store
from l2h.datasets.images import iter_images
from l2h.extraction import Extractor
from l2h.features import BATCH_SIZE
from l2h.progress import track

entry, dataset = snakemake.params.entry, snakemake.wildcards.dataset
manifest = store.read_manifest(snakemake.input.manifest)
target = device.choose(snakemake.params.device)
device.warn_of_emulation(entry["precision"], target)
extractor = Extractor(entry, snakemake.input.weights, target)
features = extractor(iter_images(snakemake.input.images, manifest, BATCH_SIZE))
work = f"{dataset}, {entry['name']} {entry['layer']}, {entry['source']}"
progress = track(work, features, len(manifest), "images", BATCH_SIZE)
metadata = {**extractor.metadata, "dataset": dataset, "threads": str(snakemake.params.numeric_threads)}
store.write_features(snakemake.output[0], progress, entry["dtype"], metadata)
