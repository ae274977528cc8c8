"""Run the script of one job in this process, on the input that a finished run left: for debuggers and profilers.

    python -m l2h.debug results/quickstart/digits/digits-300/alexnet-fc7/metrics.parquet
    python -m pdb -m l2h.debug --config my.yaml resources/mnist/splits/mnist-1k.parquet

The job that writes the file gets the input and the parameters that Snakemake would pass. Its output goes to a separate
folder, so that the run does not change.
"""

import argparse
import runpy
import shlex
import sys
import tempfile
from pathlib import Path
from typing import Any

from l2h.errors import L2HError, line
from l2h.plan import workflow
from l2h.runs import Run


def main(words: list[str] | None = None) -> None:
    """Run the job that writes a file, and print where its output is."""
    parser = argparse.ArgumentParser("python -m l2h.debug", description=str(__doc__).partition("\n")[0])
    parser.add_argument("file", help="a file or folder of results/<run>/ or resources/ that a job writes")
    configured = "the run's config (default: the one in the run's run.json)"
    parser.add_argument("--config", type=Path, metavar="CONFIG", help=configured)
    parser.add_argument("--output", type=Path, metavar="DIR", help="where to write (default: a new folder in /tmp)")
    arguments = parser.parse_args(words)
    try:
        output = arguments.output or Path(tempfile.mkdtemp(prefix="l2h-debug-"))
        config = arguments.config or config_of(arguments.file)
        script, snakemake = job(arguments.file, config, output)
    except L2HError as error:
        sys.exit(f"error: {error}")
    print(f"{script.name} of the rule {snakemake.rule}; it writes below {output}", file=sys.stderr)
    runpy.run_path(str(script), {"snakemake": snakemake})


def config_of(file: str) -> Path:
    """The config of the run that a file belongs to; raises L2HError if it is unknown."""
    parts = Path(file).parts
    if parts[0] != "results" or len(parts) < 3:
        raise L2HError(f"{file} does not belong to one run; give the config with --config")
    command = shlex.split(Run(Path(*parts[:2])).facts["command"])
    return Path(command[command.index("--configfile") + 1])


def job(file: str, config: Path, output: Path) -> tuple[Path, Any]:
    """The script of the job that writes a file, and the object `snakemake` that it gets.

    Parameters
    ----------
    file : relative to the working directory
    output : folder that replaces the working directory for the job's output, including its log

    Raises
    ------
    L2HError
        no rule with a script writes the file, it cannot be planned, or input is missing
    """
    from snakemake.api import SnakemakeApi
    from snakemake.dag import DAG
    from snakemake.exceptions import WorkflowError
    from snakemake.iocontainers import Log, OutputFiles, Snakemake
    from snakemake.jobs import Job
    from snakemake.settings.types import ConfigSettings, DAGSettings, OutputSettings, Quietness, ResourceSettings

    folder = workflow.folder()
    try:
        with SnakemakeApi(OutputSettings(quiet={Quietness.ALL})) as api:
            described = api.workflow(
                resource_settings=ResourceSettings(cores=1),
                config_settings=ConfigSettings(configfiles=[config.resolve()]),
                snakefile=folder / "Snakefile",
            )
            planned = described._workflow  # Snakemake has no public API for a job without running it
            planned.dag_settings = DAGSettings()
            planned.global_resources = {}
            rule = next((rule for rule in planned.rules if rule.is_producer(file)), None)
            if rule is None or not rule.script:
                raise L2HError(f"no job of {config} writes {file}; name a file that a job writes")
            made = Job(rule, DAG(planned, rules=[rule]), rule.get_wildcards(file))
            missing = [str(path) for path in made.input if not Path(path).exists()]
    except WorkflowError as error:
        raise L2HError(f"{file} cannot be planned: {line(error)}") from error
    if missing:
        raise L2HError(f"{missing[0]} does not exist, which {made.rule.name} reads; finish the run first")

    def elsewhere(path: str) -> str:
        there = output / path
        there.parent.mkdir(parents=True, exist_ok=True)
        return str(there)

    if "checkpoint" in made.params.keys():  # noqa: SIM118 (of its names, not its values)
        made.params.checkpoint = elsewhere(made.params.checkpoint)
    snakemake = Snakemake(
        made.input._plainstrings(),
        OutputFiles(toclone=made.output, custom_map=elsewhere),
        made.params,
        made.wildcards,
        made.threads,
        made.resources,
        Log(toclone=made.log, custom_map=elsewhere),
        planned.config,
        made.rule.name,
        None,
    )
    return folder / "workflow/scripts" / Path(rule.script).name, snakemake


if __name__ == "__main__":
    main()
