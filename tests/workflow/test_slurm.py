"""The workflow on a real Slurm, by the profile: sized, grouped, in turn at the GPU, and again after a kill.

With L2H_SLURM=quickstart, as `make cluster` says, it is the quickstart that runs, here and there; else a part of it.
"""

import os
import re
import shutil
from itertools import pairwise
from pathlib import Path

import pytest
import yaml

import cluster
from workspace import BACKBONE, CONFIG, HASHNET, ROOT, SUPPORT, Workspace, rows

WHOLE = os.environ.get("L2H_SLURM") == "quickstart"
QUICKSTART = yaml.safe_load((ROOT / "config/quickstart.yaml").read_text())
SMALL = {**CONFIG, "datasets": ["digits"], "methods": [HASHNET, "itq"], "bits": [8, 16], "plugins": []}
RUN = QUICKSTART if WHOLE else SMALL
SETTING = f"digits/digits-300/{'alexnet-fc7' if WHOLE else BACKBONE}"
CELLS = SETTING.replace("/", "-")  # as groups of jobs are called
DATASETS, VARIANTS = len(RUN["datasets"]), len(RUN["methods"])
METHODS, DEEP = (("dsh", "bihalf"), 3) if WHOLE else (("hashnet", "itq"), 1)
CANCELLED = METHODS[0]
QUICK = ["--slurm-status-command", "squeue", "--slurm-init-seconds-before-status-checks", "3"]

pytest.importorskip("snakemake_executor_plugin_slurm", reason="the executor plug-in for Slurm is the extra slurm")
if reason := cluster.missing():
    pytest.skip(reason, allow_module_level=True)


@pytest.fixture(scope="module")
def slurm(tmp_path_factory):
    """A cluster of this machine."""
    with cluster.Cluster(tmp_path_factory.mktemp("cluster")) as running:
        yield running
    assert not cluster.CONF.is_symlink(), "it leaves something behind"


def through_slurm(workspace: Workspace, target: str, config: str = "tiny") -> None:
    """Make a file by the profile."""
    profile = ["--profile", ROOT / "profiles/slurm", "--cores", "2", *QUICK]
    workspace.snakemake(target, *profile, config=config, timeout=5000)


@pytest.fixture(scope="module")
def ran(slurm, tmp_path_factory) -> tuple[Workspace, list[dict[str, str]]]:
    """A run with one job cancelled, and Slurm's records of its jobs."""
    workspace = Workspace(tmp_path_factory.mktemp("slurm") / "work")
    workspace.configure({**RUN, "device": "auto"})
    begun = workspace.folder / "results/tiny/logs" / SETTING / CANCELLED / "8bits-seed0/train.log"
    killer = slurm.cancel_one(f"train-{CELLS}-{CANCELLED}", begun.exists)
    through_slurm(workspace, "results/tiny/comparison.csv")
    killer.join(30)
    return workspace, slurm.jobs()


@pytest.fixture(scope="module")
def locally(request, tmp_path_factory) -> bytes:
    """The table of a run without a cluster; of the small part, the rows that the other tests' run has, too."""
    if not WHOLE:
        return request.getfixturevalue("finished").comparison()
    workspace = Workspace(tmp_path_factory.mktemp("locally") / "work")
    workspace.configure(QUICKSTART)
    workspace.snakemake("results/tiny/comparison.csv", "--cores", "2", timeout=5000)
    return workspace.comparison()


def test_a_cluster_gives_the_same_table(ran, locally):
    shared = {} if WHOLE else {"dataset": "digits", "variant": "|".join(METHODS), "bits": "8"}
    expected = rows(locally, **shared)
    assert len(expected) == 1 + (DATASETS * (8 * 4 + 2) if WHOLE else VARIANTS)
    assert rows(ran[0].comparison(), **shared) == expected


def of_kind(jobs: list[dict[str, str]], name: str) -> list[dict[str, str]]:
    return [job for job in jobs if job["Comment"].startswith(f"rule_{name}")]


def memory(job: dict[str, str]) -> int:
    """Megabytes that a job asked for."""
    return int(job["MinMemoryNode"].removesuffix("M"))


def test_a_cancelled_job_is_retried_with_twice_the_memory(ran):
    killed, again = of_kind(ran[1], f"train-{CELLS}-{CANCELLED}")
    assert (killed["JobState"], again["JobState"]) == ("CANCELLED", "COMPLETED")
    assert memory(again) == 2 * memory(killed)


def test_cells_of_a_setting_are_evaluated_in_one_submission(ran):
    (evaluated,) = of_kind(ran[1], f"evaluate-{CELLS}")
    assert evaluated["NumCPUs"] == "1"  # its jobs run one after another
    shared = 1 + (5 if WHOLE else 6) * DATASETS  # the weights; dataset, split, its check, features, metrics of each
    assert len(ran[1]) == shared + DATASETS * VARIANTS + 2  # trainings; one again, and the table


def test_jobs_that_use_the_gpu_take_turns_at_it(ran):
    on_gpu = sorted((job for job in ran[1] if job["Partition"] == "gpu"), key=lambda job: job["StartTime"])
    assert all(job["TresPerJob"] == "gres:gpu:1" for job in on_gpu)
    assert not any("TresPerJob" in job for job in ran[1] if job["Partition"] != "gpu")
    assert all(re.match("rule_(features|mirrored_features|train-)", job["Comment"]) for job in on_gpu)
    features = 1 if WHOLE else 2  # the mirrored ones, too
    assert len(on_gpu) == DATASETS * (features + DEEP) + 1  # a training of each deep method, and one again
    assert all(one["EndTime"] <= other["StartTime"] for one, other in pairwise(on_gpu))


@pytest.mark.skipif(not WHOLE, reason="holds 3 GB for long: make cluster")
def test_a_job_out_of_memory_is_retried_with_more(ran, slurm):
    """The job uses 50% more memory than it requests, until the request is larger."""
    workspace, before = ran
    shutil.copy(SUPPORT / "hungry_method.py", workspace.folder)
    hungry = {"methods": ["hungry"], "plugins": ["hungry_method.py"], "datasets": ["digits"], "bits": [8]}
    workspace.configure({**RUN, **hungry, "device": "auto"}, "hungry")
    through_slurm(workspace, f"results/hungry/{SETTING}/hungry/8bits-seed0/model", config="hungry")
    killed, again = slurm.jobs()[len(before) :]
    assert (killed["JobState"], again["JobState"]) == ("FAILED", "COMPLETED")
    assert "exceeded memory limit" in Path(killed["StdOut"]).read_text()
    assert memory(killed) < 3000 < memory(again) == 2 * memory(killed)
