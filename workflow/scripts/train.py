"""Train one method at one code length on the training images' features; encode all images if the method has codes."""

from l2h.job import start

start(snakemake)

import logging
import sys
from functools import partial
from importlib import import_module

from l2h import hashing
from l2h.evaluation import timing
from l2h.store import not_run
from l2h.store.codes import write_codes
from l2h.store.features import iter_features, read_features, weights_name
from l2h.store.cells import cell_key
from l2h.store.results import COSTS, write_rows
from l2h.store.splits import read_split
from l2h.store.tables import read_metadata
from l2h.errors import L2HError
from l2h.plan.code import closure, modules_of

files, params = snakemake.input, snakemake.params
key = params.key
split = read_split(files.split)
ids = split.ids("train")
features = read_features(files.features, ids)
hasher = hashing.make(key["method"], bits=int(key["bits"]), random_state=int(key["seed"]), **params.arguments)
mirrored = {}
if files.get("mirrored"):
    mirrored["mirrored"] = read_features(files.mirrored, ids)
for name in closure(modules_of(type(hasher))):
    import_module(name)  # including modules that only `fit` imports, so that the timed training does not import them
cell = {**key, "weights": weights_name(files.features)}
place = {**cell_key(cell), "threads": params.numeric_threads}
try:
    _, spent = timing.training(partial(hasher.fit, features, split.targets(ids), **mirrored), place)
except L2HError as error:
    not_run.mark(snakemake.output, str(error), cell_key(cell))
    logging.getLogger("l2h").warning("not run: %s", error)
    sys.exit()
write_rows(snakemake.output.training, spent, COSTS)
data = {**key, "split_sha256": split.sha256, "flipped": bool(mirrored)}
hasher.save(snakemake.output.model, {**data, "features": read_metadata(files.features)})
if hasattr(snakemake.output, "codes"):
    codes = ((ids, hasher.transform(features)) for ids, features in iter_features(files.features))
    write_codes(snakemake.output.codes, codes, cell)
