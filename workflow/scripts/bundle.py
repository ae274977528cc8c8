"""Write a dataset's bundle: manifest, splits, features, models and config in one archive."""

from l2h.job import start

start(snakemake)

from l2h.store import not_run
from l2h.bundles.release import release

files = dict(zip(snakemake.params.paths, snakemake.input, strict=True))
files = {name: path for name, path in files.items() if not not_run.find(path)}
release(snakemake.output[0], files, **snakemake.params.description)
