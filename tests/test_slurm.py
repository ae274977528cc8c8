"""The workflow on a real Slurm, by the profile: sized, grouped, in turn at the GPU, and again after a kill."""

import re
from itertools import pairwise
from pathlib import Path

import pytest

import cluster
from workspace import CONFIG, ROOT, Workspace

METHODS = ("dsh", "bihalf")

pytest.importorskip("snakemake_executor_plugin_slurm", reason="the executor plug-in for Slurm is the extra slurm")
if reason := cluster.missing():
    pytest.skip(reason, allow_module_level=True)


@pytest.fixture(scope="module")
def ran(tmp_path_factory) -> tuple[Workspace, list[dict[str, str]]]:
    """A run up to the table with a job cancelled on the way, and what Slurm says of its jobs."""
    folder = tmp_path_factory.mktemp("slurm")
    workspace = Workspace(folder / "work")
    methods = [entry for entry in CONFIG["methods"] if entry["method"] in METHODS]
    workspace.configure({**CONFIG, "datasets": ["digits"], "methods": methods, "bits": [8, 16], "device": "auto"})
    with cluster.Cluster(folder / "cluster") as slurm:
        begun = workspace.folder / "results/tiny/logs/digits/digits-300/alexnet-fc6/dsh/8bits-seed0/fit.log"
        killer = slurm.cancel_one("fit-digits-digits-300-alexnet-fc6-dsh", begun.exists)
        quick = ["--cores", "2", "--slurm-status-command", "squeue", "--slurm-init-seconds-before-status-checks", "3"]
        table = "results/tiny/comparison.csv"
        workspace.snakemake(table, "--profile", ROOT / "profiles/slurm", *quick, timeout=1800)
        killer.join(30)
        return workspace, slurm.jobs()


def rows(workspace: Workspace) -> list[str]:
    """The lines of the table that both runs have, and its head."""
    lines = workspace.comparison().decode().splitlines()
    place = rf"digits,.*,({'|'.join(METHODS)}),\w+,\w+,8,"
    return lines[:1] + sorted(line for line in lines if re.match(place, line))


def test_a_cluster_gives_the_figures_of_one_machine(ran, finished):
    assert len(rows(finished)) == 1 + len(METHODS)
    assert rows(ran[0]) == rows(finished)


def of_kind(jobs: list[dict[str, str]], name: str) -> list[dict[str, str]]:
    return [job for job in jobs if job["Comment"].startswith(f"rule_{name}")]


def test_a_job_that_was_cancelled_runs_again_with_twice_the_memory(ran):
    killed, again = of_kind(ran[1], "fit-digits-digits-300-alexnet-fc6-dsh")
    assert (killed["JobState"], again["JobState"]) == ("CANCELLED", "COMPLETED")
    before, now = (int(job["MinMemoryNode"].removesuffix("M")) for job in (killed, again))
    assert now == 2 * before


def test_cells_of_a_method_share_a_submission(ran):
    for name in METHODS:
        (cells,) = of_kind(ran[1], f"cells-digits-digits-300-alexnet-fc6-{name}")
        assert cells["NumCPUs"] == "1"  # its jobs run one after another
    assert len(ran[1]) == 5 + 2 + 1 + 2 + 1  # what they share, their trainings, one again, what follows, the table


def test_jobs_that_use_the_gpu_take_turns_at_it(ran):
    on_gpu = sorted((job for job in ran[1] if job["Partition"] == "gpu"), key=lambda job: job["StartTime"])
    assert all(job["TresPerJob"] == "gres:gpu:1" for job in on_gpu)
    assert not any("TresPerJob" in job for job in ran[1] if job["Partition"] != "gpu")
    kinds = [re.match(r"rule_(features|fit-.*_)", job["Comment"])[1] for job in on_gpu]
    assert len(kinds) == 4  # the features, a training of either deep method, and one again
    assert all(one["EndTime"] <= other["StartTime"] for one, other in pairwise(on_gpu))


def test_it_leaves_nothing_behind(ran):
    assert not Path("/etc/slurm/slurm.conf").is_symlink()
