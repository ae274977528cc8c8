"""Actions at the start of a run."""

import json
import sys
from collections import Counter
from typing import Any

from l2h import paths
from l2h.errors import L2HError
from l2h.plan.plan import Plan
from l2h.store.files import atomic


def write_plan(plan: Plan, dag: Any) -> None:
    """Record the jobs that the report depends on, if the run writes it; see `l2h.report.run_info.facts`.

    If the run's folder is not writable, the run ends here with a one-line error.

    Parameters
    ----------
    dag : Snakemake's
    """
    reports = [job for job in dag.jobs if job.rule.name == "report"]
    if not reports:
        return
    benchmarks: dict[str, list[str]] = {}
    for job in dag.bfs(dag.dependencies, *reports):
        if job not in reports:
            benchmarks.setdefault(job.rule.name, []).append(job.benchmark)
    try:
        with atomic(plan.in_run(paths.PLAN)) as part:
            part.write_text(json.dumps(benchmarks))
    except L2HError as error:
        sys.exit(f"error: {error}")


def count_jobs(dag: Any) -> Counter[tuple[str, str]]:
    """Number of jobs of each rule to run for each dataset, "" for jobs of all datasets."""
    return Counter((job.rule.name, job.wildcards_dict.get("dataset", "")) for job in dag.needrun_jobs())


def mirrored(plan: Plan, dag: Any) -> list[str]:
    """A line for each dataset whose training images pass through the network twice, and how to avoid it."""
    lines = []
    for job in dag.needrun_jobs():
        if job.rule.name == "mirrored_features":
            dataset, protocol = job.wildcards.dataset, job.wildcards.protocol
            wanted = ", ".join(variant for variant in plan.variants if plan.sees_mirrored(dataset, variant))
            lines.append(
                f"{dataset}: the training images of {protocol} go through the network a second time, mirrored, for "
                f"{wanted}; `params: {{flip: false}}` avoids that"
            )
    return lines
