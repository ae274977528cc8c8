"""Rank the database, and the database without training images, by the real-valued scores of a variant's cells."""

from functools import partial

from l2h.job import start

start(snakemake)

from l2h import hashing
from l2h.store import not_run
from l2h.store.features import feature_bits, iter_features, read_features, weights_name
from l2h.store.rankings import ranking_writer
from l2h.store.splits import read_split
from l2h.ranking.scores import rank_by_scores

path, output = snakemake.input.features, snakemake.output
split = read_split(snakemake.input.split)
queries = read_features(path, split.ids("query"))
models, absent = not_run.split_off(snakemake.input.models)
keys = dict(zip(snakemake.input.models, snakemake.params.cells, strict=True))
with ranking_writer(output.database, absent) as database, ranking_writer(output.unseen, absent) as unseen:
    for model in models:
        scorer = hashing.load(model)
        key = {**keys[model], "bits": scorer.item_bits(feature_bits(path)), "weights": weights_name(path)}
        rankings = rank_by_scores(scorer, split, queries, partial(iter_features, path))
        for write, ranking in zip((database, unseen), rankings, strict=True):
            write(key, split.ids("query"), ranking)
