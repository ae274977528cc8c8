"""A run that is killed repeatedly, on one core and in shards, gives the table of the undisturbed run."""

import random
import time
from collections import Counter

import pytest

from harness import FaultWorkspace
from l2h.store.rankings import iter_rankings
from l2h.store.tables import read_metadata
from workspace import CONFIG, rows

VARIANTS = ("hashnet", "itq", "dsh-full")
PART = {
    **CONFIG,
    "datasets": [{"name": "digit_pairs", "shards": 2}],
    "methods": [
        entry for entry in CONFIG["methods"] if isinstance(entry, dict) and entry["method"] in ("hashnet", "dsh")
    ]
    + ["itq"],
    "plugins": [],
}
KILLS = 3


@pytest.fixture(scope="module")
def resumed(tmp_path_factory) -> FaultWorkspace:
    """A run with a kill -9 of the whole process group after some jobs, three times."""
    workspace = FaultWorkspace(tmp_path_factory.mktemp("killed") / "work", PART)
    workspace.killed, workspace.repeated = 0, set()
    finished: set[str] = set()
    chance = random.Random(0)  # noqa: S311 (no secret)
    run = workspace.start("--cores", "1")
    while workspace.killed < KILLS and run.wait_for_jobs(chance.randint(1, 6)):
        time.sleep(chance.uniform(0, 2))
        run.kill()
        workspace.killed += 1
        begun, done = run.steps
        workspace.repeated |= finished & set(begun)
        finished |= set(done)
        run = workspace.resume("--cores", "1")
    assert run.wait().code == 0, run.text[-5000:]
    workspace.repeated |= finished & set(run.steps[0])
    return workspace


def test_finished_jobs_are_not_rerun(resumed):
    assert resumed.killed == KILLS
    assert resumed.repeated == set()


def test_the_table_is_that_of_an_undisturbed_run(resumed, finished):
    expected = rows(finished.comparison(), dataset="digit_pairs", variant="|".join(VARIANTS))
    assert len(expected) == 1 + len(VARIANTS)
    assert rows(resumed.comparison()) == expected


def test_two_shards_give_the_histograms_of_one_job(resumed, finished):
    histograms = sorted(path.relative_to(resumed.folder) for path in resumed.folder.glob("results/**/histogram*"))
    assert len(histograms) == 2 * len(VARIANTS)  # those of the shards are gone
    for path in histograms:
        ((key, ids, one),), ((other_key, other_ids, other),) = (
            iter_rankings(workspace.folder / path) for workspace in (resumed, finished)
        )
        assert key == other_key
        assert one.queries == other.queries
        assert ids.tobytes() == other_ids.tobytes()
        assert (one.total.tobytes(), one.relevant.tobytes()) == (other.total.tobytes(), other.relevant.tobytes())
        rules = (read_metadata(workspace.folder / path)["rule"] for workspace in (resumed, finished))
        assert tuple(rules) == ("add_shards", "rank")


def test_rules_of_shards_declare_the_modules_that_their_jobs_import(resumed):
    jobs = [job for job in resumed.jobs() if job["rule"] in ("rank_shard", "add_shards")]
    # by its log, as a job runs again whose process had ended, but not its run, when that was killed
    distinct = {(job["rule"], *job["log"]) for job in jobs}
    assert Counter(rule for rule, _ in distinct) == {"rank_shard": 2 * len(VARIANTS), "add_shards": len(VARIANTS)}
    for job in jobs:
        assert set(job["imported"]) <= set(job["declared"]), job["rule"]
