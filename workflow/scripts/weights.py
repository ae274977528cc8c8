"""Draw or download a backbone's weights."""

from l2h.job import start

start(snakemake)

from pathlib import Path

from l2h import backbones
from l2h.backbones.weights import UNTRAINED, make_pretrained, make_untrained

entry = snakemake.params.entry
output = Path(snakemake.output[0])
backbone = backbones.registry.get(entry["name"])()
if entry["weights"] == UNTRAINED:
    make_untrained(backbone, entry["weights_seed"], output)
else:
    make_pretrained(backbone.pretrained[entry["weights"]], output.parent, output)
