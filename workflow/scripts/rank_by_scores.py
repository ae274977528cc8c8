"""Rank by real-valued scores: the database, and the part of it that was not trained on."""

from l2h.job import start

start(snakemake)

from l2h import not_run

not_run.hand_on(snakemake)

from functools import partial

from l2h import hashing, store
from l2h.ranking.scores import rank_by_scores

path = snakemake.input.features
split = store.read_split(snakemake.input.split)
queries = store.read_features(path, split.ids("query"))
scorer = hashing.load(snakemake.input.model)
database, unseen = rank_by_scores(scorer, split, queries, partial(store.iter_features, path))
# without a code, what an item takes is its features
bits = scorer.bits or store.feature_bits(path)
key = {**snakemake.params.key, "bits": str(bits), "weights": store.weights_name(path)}
for target, ranking in ((snakemake.output.database, database), (snakemake.output.unseen, unseen)):
    store.write_relevance(target, split.ids("query"), ranking, key)
