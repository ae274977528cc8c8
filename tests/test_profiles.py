"""Profiles name existing rules; in `test_docs` Snakemake reads them, and `test_slurm` runs one."""

import yaml

from workspace import ROOT

SLURM = yaml.safe_load((ROOT / "profiles/slurm/config.yaml").read_text())


def test_every_group_has_a_size():
    assert set(SLURM["groups"].values()) == set(SLURM["group-components"])


def test_the_profile_has_partitions_with_and_without_gpus():
    partitions = yaml.safe_load((ROOT / "profiles/slurm" / SLURM["slurm-partition-config"]).read_text())["partitions"]
    assert {"max_gpu" in limits for limits in partitions.values()} == {True, False}
