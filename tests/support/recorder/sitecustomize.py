"""On PYTHONPATH of a test run: every job records which modules of l2h it imported and its rule declares."""

import atexit
import json
import os
import sys
from pathlib import Path


def record() -> None:
    job = getattr(sys.modules["__main__"], "snakemake", None)
    if job is None or not hasattr(job, "params"):
        return
    declared = set(job.params.code)
    imported = {name for name in sys.modules if name.partition(".")[0] == "l2h" or name.startswith("l2h_plugin_")}
    line = {"rule": job.rule, "variant": job.wildcards.get("variant"), "threads": threads()}
    line |= {"resources": sorted(job.resources.keys()), "log": list(job.log)}
    line |= {"declared": sorted(declared), "imported": sorted(imported)}
    path = Path(os.environ["L2H_RECORD"], f"{os.getpid()}.json")
    path.write_text(json.dumps(line))


def threads() -> list[int]:
    """Numeric threads at the job's end, of every thread pool."""
    from threadpoolctl import threadpool_info

    pools = [pool["num_threads"] for pool in threadpool_info()]
    if "torch" in sys.modules:
        pools.append(sys.modules["torch"].get_num_threads())
    if "numba" in sys.modules:
        pools.append(sys.modules["numba"].config.NUMBA_NUM_THREADS)
    return pools


if "L2H_RECORD" in os.environ:
    atexit.register(record)
