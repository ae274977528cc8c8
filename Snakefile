import os
import sys
from pathlib import Path

from snakemake.utils import min_version

from l2h.config import require_drawable, resolve
from l2h.errors import L2HError

min_version("9.11")

# Snakemake prints exceptions with a stack trace; errors the user can fix end the run with one line instead.
if not workflow.configfiles:
    if not Path("config/config.yaml").is_file():
        sys.exit("error: config/config.yaml does not exist in the working directory; name a config with --configfile")

    configfile: "config/config.yaml"


try:
    resolve(config)
    if workflow.is_main_process:  # not again in each job
        require_drawable(config)
except L2HError as error:
    results = [
        path for path in map(os.path.relpath, workflow.configfiles) if path.startswith(("results/", "resources/"))
    ]
    cure = f"; {', '.join(results)} is read as a config: name targets before --configfile" if results else ""
    sys.exit(f"error: {error}{cure}")


include: "rules/common.smk"
include: "rules/data.smk"
include: "rules/features.smk"
include: "rules/train.smk"
include: "rules/evaluate.smk"
include: "rules/measure.smk"
include: "rules/report.smk"
include: "rules/bundle.smk"


rule all:
    default_target: True
    input:
        expand(f"{RESULTS}/{paths.COMPARISON}.{{suffix}}", suffix=["csv", "parquet", "md"]),
        expand(f"{RESULTS}/{paths.DIFFERENCES}.{{suffix}}", suffix=["csv", "parquet"]),
        expand(f"{RESULTS}/{{name}}", name=[paths.REPORT, paths.PLOTS, paths.TABLE, paths.RUN_INFO]),
        plan.kept(),
    localrule: True
    # printed instead of the long list of its input
    message:
        "all files of the run"
