"""Measure what training, features, codes and search cost, with nothing beside it on the machine."""

from l2h.job import start

start(snakemake)

from itertools import islice

import torch

from l2h import backbones, costs, device, hashing, store
from l2h.backbones.weights import file_sha256, load_network
from l2h.datasets.images import iter_images
from l2h.progress import track
from l2h.timing import processor

files, params = snakemake.input, snakemake.params
split = store.read_split(files.split)
queries, database = split.ids("query"), split.ids("database")
weights = store.weights_label({"weights": params.entry["source"], "weights_sha256": file_sha256(files.weights)})
place = {**snakemake.wildcards, "weights": weights, "threads": params.numeric_threads, "hardware": processor()}
rows = []

backbone = backbones.registry.get(params.entry["name"])()
((_, images),) = islice(iter_images(files.images, store.read_manifest(files.manifest), max(costs.BATCHES)), 1)
for target in dict.fromkeys([torch.device("cpu"), device.choose(params.device)]):
    network = backbone.fold(load_network(backbone, params.entry["layer"], files.weights))
    how = {"size": backbone.side(params.entry["input_size"]), "precision": params.entry["precision"], "device": target}
    hardware = torch.cuda.get_device_name() if target.type == "cuda" else place["hardware"]
    measured = costs.backbone(network, images, mean=backbone.mean, std=backbone.std, **how)
    rows += [{**place, "hardware": hardware, **row} for row in measured]

if files.features:
    features = store.read_features(files.features, database[: costs.FLOAT_ITEMS])
    asked = store.read_features(files.features, queries)
    rows += [{**place, **row} for row in costs.float_search(features, asked)]

cells = list(zip(params.cell_keys, files.models, files.codes, files.trainings, strict=True))
for key, model, codes, training in track("costs", cells, len(cells), "cells"):
    sides = (store.read_codes(codes, side) for side in (database, queries))
    if key["scope"] == hashing.FULL:
        made = costs.encoding(model, images)
    else:
        made = costs.per_image("hash", hashing.load(model).transform, features[: max(costs.BATCHES)])
    measured = costs.cell(made, key["bits"], *sides)
    rows += store.read_rows(training, store.COSTS).to_pylist()
    rows += [{**place, **key, **row} for row in measured]
store.write_rows(snakemake.output[0], rows, store.COSTS)
