"""Profiles name what there is; `test_workflow` has Snakemake read them, `test_slurm` and `test_kubernetes` run two."""

import re

import yaml

from workspace import ROOT

SLURM = yaml.safe_load((ROOT / "profiles/slurm/config.yaml").read_text())


def test_groups_are_of_rules_and_have_a_size():
    text = "\n".join(path.read_text() for path in (ROOT / "rules").glob("*.smk"))
    assert set(SLURM["groups"]) <= set(re.findall(r"^(?:use rule \w+ as |rule )(\w+)", text, re.MULTILINE))
    assert set(SLURM["groups"].values()) == set(SLURM["group-components"])


def test_partitions_with_and_without_gpus_stand_beside_the_profile():
    partitions = yaml.safe_load((ROOT / "profiles/slurm" / SLURM["slurm-partition-config"]).read_text())["partitions"]
    assert {"max_gpu" in limits for limits in partitions.values()} == {True, False}
