"""Measure the costs of training, features, codes and search, with no other job running."""

from l2h.job import start

start(snakemake)

from itertools import islice

from l2h import backbones, hashing
from l2h.evaluation import costs
from l2h.store import not_run
from l2h.store.codes import read_codes
from l2h.store.features import read_features
from l2h.store.manifests import read_manifest
from l2h.store.results import COSTS, read_rows, write_rows
from l2h.store.splits import read_split
from l2h.store.tables import read_metadata
from l2h.datasets.images import iter_images
from l2h.progress import track
from l2h.evaluation.timing import processor

files, params = snakemake.input, snakemake.params
split = read_split(files.split)
queries, database = split.ids("query"), split.ids("database")
weights = read_metadata(files.codes[0])["weights"]
place = {**snakemake.wildcards, "weights": weights, "threads": params.numeric_threads, "hardware": processor()}
rows = []

if params.entry:
    import torch

    from l2h import device
    from l2h.backbones.weights import load_network

    backbone = backbones.registry.get(params.entry["name"])()
    ((_, images),) = islice(iter_images(files.images, read_manifest(files.manifest), max(costs.BATCHES)), 1)
    how = {"size": backbone.side(params.entry["input_size"]), "precision": params.entry["precision"]}
    for target in dict.fromkeys([torch.device("cpu"), device.choose(params.device)]):
        network = backbone.fold(load_network(backbone, params.entry["layer"], files.weights))
        hardware = torch.cuda.get_device_name() if target.type == "cuda" else place["hardware"]
        measured = costs.backbone(network, images, mean=backbone.mean, std=backbone.std, device=target, **how)
        rows += [{**place, "hardware": hardware, **row} for row in measured]

if files.features:
    query = read_features(files.features, queries[:1])
    features = read_features(files.features, database[: costs.FLOAT_VALUES // query.shape[1]])
    rows += [{**place, **row} for row in costs.float_search(features, query)]
    features = features[: max(costs.BATCHES)].copy()  # free memory for the search of codes

lengths = dict.fromkeys(key["bits"] for key in params.cells)
searches = {bits: costs.exhaustive_search(bits, len(database)) for bits in lengths}
cells = list(zip(params.cells, files.models, files.codes, files.trainings, strict=True))
for key, model, codes, training in track("costs", cells, len(cells), "cells"):
    if not_run.find(codes):
        continue
    sides = (read_codes(codes, side) for side in (database, queries[: costs.QUERIES]))
    if key["scope"] == hashing.FULL:
        made = costs.encoding(model, images)
    else:
        made = costs.per_image("hash", hashing.load(model).transform, features)
    measured = costs.cell(made, key["bits"], *sides)
    rows += read_rows(training, COSTS).to_pylist()
    rows += [{**place, **key, **row} for row in [*measured, searches[key["bits"]]]]
write_rows(snakemake.output[0], rows, COSTS)
