"""Train one method at one code length end to end, on the training images; resumes a killed job."""

from l2h.job import start

start(snakemake)

import logging
import sys
from functools import partial
from pathlib import Path

from l2h.evaluation import timing
from l2h.store import not_run
from l2h.store.features import weights_label
from l2h.store.manifests import read_manifest
from l2h.store.cells import cell_key
from l2h.store.results import COSTS, write_rows
from l2h.store.splits import read_split
from l2h.backbones.weights import file_sha256
from l2h.datasets.images import ImageStore
from l2h.errors import L2HError
from l2h.hashing.deep import full, network
from l2h.hashing.deep.finetuning import finetune
from l2h.hashing.deep.inputs import reader

files, params = snakemake.input, snakemake.params
key, checkpoint = params.key, Path(params.checkpoint)
split, manifest = read_split(files.split), read_manifest(files.manifest)
ids = split.ids("train")
entry = {**params.entry, "weights_sha256": file_sha256(files.weights)}
data = {"split_sha256": split.sha256, "weights_sha256": entry["weights_sha256"]}
method = full.make(key["method"], bits=int(key["bits"]), random_state=int(key["seed"]), **params.arguments)
train = partial(
    finetune,
    method,
    entry,
    files.weights,
    reader(ImageStore(files.images, manifest), ids),
    split.labels(ids),
    flip=params.flip,
    checkpoint=checkpoint,
    identity={**params, **data},
)
cell = cell_key({**key, "weights": weights_label(entry)})
try:
    (trained, selection), spent = timing.training(train, {**cell, "threads": params.numeric_threads})
except L2HError as error:
    not_run.mark(snakemake.output, str(error), cell)
    logging.getLogger("l2h").warning("not run: %s", error)
    sys.exit()
write_rows(snakemake.output.training, spent, COSTS)
description = {"method": key["method"], "params": method.get_params(), "selection": selection, "data": {**key, **data}}
network.save(trained, snakemake.output.model, description)
checkpoint.unlink()
