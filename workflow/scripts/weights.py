"""Draw or fetch a backbone's weights."""

from l2h.job import start

start(snakemake)

from functools import partial

from l2h import backbones
from l2h.backbones.weights import UNTRAINED, make_pretrained, make_untrained
from l2h.fetch import fetch

entry = snakemake.params.entry
output = snakemake.output[0]
backbone = backbones.registry.get(entry["name"])()
if entry["weights"] == UNTRAINED:
    make_untrained(backbone, entry["weights_seed"], output)
else:
    folder, mirror = snakemake.params.downloads, snakemake.config["dataset_mirror"]
    make_pretrained(backbone, entry["weights"], partial(fetch, folder=folder, mirror=mirror), output)
