"""Rank by real-valued scores: the database, and the part of it that was not trained on."""

from l2h.job import start

start(snakemake)

from l2h import not_run

not_run.hand_on(snakemake)

from functools import partial

from l2h import hashing
from l2h.store.features import feature_bits, iter_features, read_features, weights_name
from l2h.store.rankings import write_relevance
from l2h.store.splits import read_split
from l2h.ranking.scores import rank_by_scores

path = snakemake.input.features
split = read_split(snakemake.input.split)
queries = read_features(path, split.ids("query"))
scorer = hashing.load(snakemake.input.model)
database, unseen = rank_by_scores(scorer, split, queries, partial(iter_features, path))
# without a code, what an item takes is its features
bits = scorer.bits or feature_bits(path)
key = {**snakemake.params.key, "bits": str(bits), "weights": weights_name(path)}
for target, ranking in ((snakemake.output.database, database), (snakemake.output.unseen, unseen)):
    write_relevance(target, split.ids("query"), ranking, key)
