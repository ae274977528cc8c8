"""The workflow on a pretended Kubernetes, by the profile: sized, with GPUs, on one volume, and again after a kill."""

import os
import shutil
import subprocess
import sys

import pytest

import pods
from workspace import CONFIG, HASHNET, ROOT, Workspace, rows

HELD = {"L2H_IMAGE": "registry.test/l2h:1", "L2H_NAMESPACE": "hashing", "L2H_VOLUME": "disk:/l2h"}
LOST = {"check_split": "killed", "split": "deleted"}
TABLE = "results/tiny/comparison.csv"

pytest.importorskip("snakemake_executor_plugin_kubernetes", reason="the plug-in for Kubernetes is the extra kubernetes")
if reason := pods.missing():
    pytest.skip(reason, allow_module_level=True)


@pytest.fixture(scope="module")
def ran(tmp_path_factory) -> tuple[Workspace, pods.Cluster]:
    """A run up to the table with a pod killed, and a job deleted, on the way."""
    folder = tmp_path_factory.mktemp("kubernetes")
    workspace = Workspace(folder / "volume/work")
    for name in ("rules", "workflow", "envs", "profiles"):
        shutil.copytree(ROOT / name, workspace.folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "Snakefile", workspace.folder)
    changed = {"datasets": ["digits"], "methods": [HASHNET], "device": "auto", "plugins": []}
    workspace.configure({**CONFIG, **changed})
    (folder / "home").mkdir()
    image = {"PATH": os.environ["PATH"], "PYTHONPATH": "/l2h/work/src", "HOME": "/workdir"}
    hidden = [folder / "home", *(ROOT / name for name in ("rules", "workflow", "profiles", "src"))]
    claims = {"disk": folder / "volume"}
    cluster = pods.Cluster(folder / "cluster", claims=claims, hidden=hidden, image=image, lost=LOST)
    command = [sys.executable, "-m", "snakemake", "--profile", "profiles/kubernetes", "--configfile", "tiny.yaml"]
    command += ["--cores", "2", "--seconds-between-status-checks", "1", TABLE]
    with pods.served(cluster) as kubeconfig:
        paths = {"PYTHONPATH": "/l2h/work/src:/l2h/work/profiles/kubernetes", "HOME": str(folder / "home")}
        environment = {**os.environ, **HELD, **paths, "KUBECONFIG": str(kubeconfig)}
        inside = pods.mounted(command, folder / "root", "/l2h/work", {"/l2h": folder / "volume"})
        done = subprocess.run(inside, env=environment, text=True, capture_output=True, timeout=900)
    said = "\n".join(f"{job.rule}: {job.log.read_text()[-1000:]}" for job in cluster.jobs if job.code)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-5000:] + said
    return workspace, cluster


def of_rule(cluster: pods.Cluster, *rules: str) -> list[pods.Job]:
    return [job for job in cluster.jobs if job.rule in rules]


def test_pods_give_the_figures_of_one_machine(ran, finished):
    expected = rows(finished.comparison(), dataset="digits", variant="hashnet")
    assert len(expected) == 2
    assert rows(ran[0].comparison()) == expected


def test_every_job_is_a_pod_of_the_image_in_the_namespace_with_the_volume(ran):
    assert len(ran[1].jobs) == 6 + 3 + 1 + 2  # up to the features, the cell, the table, two again
    for job in ran[1].jobs:
        assert (job.container["image"], job.namespace) == ("registry.test/l2h:1", "hashing")
        assert {"name": "disk", "mountPath": "/l2h"} in job.container["volumeMounts"]
        assert {"name": "disk", "persistentVolumeClaim": {"claimName": "disk"}} in job.pod["volumes"]


def test_pods_ask_for_what_their_rules_declare_and_get_no_more(ran):
    memory = {rule: of_rule(ran[1], rule)[-1].container["resources"]["limits"]["memory"] for rule in ("dataset", "fit")}
    assert memory["dataset"] == "2000M"
    assert 2150 < int(memory["fit"].removesuffix("M")) < 2250  # by the size of the features, mirrored ones too
    assert {job.container["resources"]["limits"]["ephemeral-storage"] for job in ran[1].jobs} == {"1000M"}
    for job in ran[1].jobs:
        requests, limits = (job.container["resources"][kind] for kind in ("requests", "limits"))
        threads = 2 if job.rule in ("dataset", "check_split", "features", "mirrored_features") else 1
        assert (requests["cpu"], limits["cpu"]) == (f"{threads * 950}m", f"{threads * 1000}m")
        assert requests["memory"] == limits["memory"]


def test_only_pods_that_can_use_a_gpu_ask_for_one(ran):
    asked = {job.rule for job in ran[1].jobs if job.container["resources"]["limits"].get("nvidia.com/gpu") == "1"}
    assert asked == {"features", "mirrored_features", "fit"}
    assert {job.rule for job in ran[1].jobs if "nvidia.com/gpu" in job.container["resources"]["requests"]} == asked
    assert {job.rule for job in ran[1].jobs if "tolerations" in job.pod} == asked


def test_a_pod_that_was_killed_runs_again_with_twice_the_memory(ran):
    killed, again = of_rule(ran[1], "check_split")
    assert killed.state() == {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}
    assert again.code == 0
    before, now = (int(job.container["resources"]["limits"]["memory"].removesuffix("M")) for job in (killed, again))
    assert now == 2 * before
    said = list(ran[0].folder.glob(f".snakemake/*/kubernetes-logs/{killed.name}.log"))
    assert killed.log.read_text() in said[0].read_text()


def test_a_job_that_was_deleted_runs_again(ran):
    deleted, again = of_rule(ran[1], "split")
    assert (deleted.code, again.code) == (137, 0)


def test_it_leaves_nothing_behind(ran):
    assert all(job.deleted for job in ran[1].jobs)
    assert not ran[1].secrets
