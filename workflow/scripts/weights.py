"""Initialise or download a backbone's weights."""

from l2h.job import start

start(snakemake)

from l2h import backbones
from l2h.store.files import write_checksum
from l2h.backbones.weights import UNTRAINED, make_pretrained, make_untrained
from l2h.datasets.downloads import Sources

entry = snakemake.params.entry
output = snakemake.output.weights
backbone = backbones.registry.get(entry["name"])()
if entry["weights"] == UNTRAINED:
    make_untrained(backbone, entry["weights_seed"], output)
else:
    sources = Sources(snakemake.params.downloads, snakemake.config["dataset_mirror"])
    make_pretrained(backbone, entry["weights"], sources.fetch, output)
write_checksum(output, snakemake.output.checksum)
