"""The gallery of each setting, the comparison of all cells, and the report."""

import re
import shlex

import snakemake_logger_plugin_l2h

# The command that repeats the run: its configs, and other command-line options. Snakemake passes numbers in lists as
# text.
COMMAND = ["snakemake", "--cores", "8", "--configfile", *map(os.path.relpath, workflow.configfiles)]
if workflow.config_settings.config:
    said = [f"{key}={value}" for key, value in workflow.config_settings.config.items()]
    COMMAND += ["--config", *(re.sub(r"'(\d+)'", r"\1", part) for part in said)]


# captions for `snakemake --report`
report: "../workflow/report/workflow.rst"


rule gallery:
    input:
        unpack(shared(images=f"{HOME}/{paths.IMAGES}", manifest=f"{HOME}/{paths.MANIFEST}", split=plan.split)),
        near_copies=f"{HOME}/{paths.NEAR_COPIES}",
        queries=of_shown(paths.QUERIES),
        metrics=of_shown(paths.METRICS),
        codes=of_shown(paths.CODES),
    output:
        f"{RESULTS}/{paths.GALLERY}",
    log:
        log_of(SETTING, "gallery"),
    benchmark:
        benchmark_of(SETTING, "gallery")
    conda:
        "../envs/l2h.yaml"
    threads: DECODERS
    resources:
        mem_mb=sized(megabytes, "gallery"),
        runtime=sized(minutes, "gallery"),
        gpu=0,
    params:
        by_hand=lambda wildcards: plan.protocols[wildcards.dataset, wildcards.protocol]["look"],
        code=code("gallery"),
    message:
        OF_SETTING % "gallery of queries, results and codes"
    script:
        "../workflow/scripts/gallery.py"


rule compare:
    input:
        metrics=[plan.in_run(path) for path in plan.of_settings(paths.METRICS)],
        queries=[plan.in_run(path) for path in plan.of_settings(paths.QUERIES)],
    output:
        csv=captioned(f"{RESULTS}/{paths.COMPARISON}.csv", "comparison"),
        parquet=f"{RESULTS}/{paths.COMPARISON}.parquet",
        markdown=f"{RESULTS}/{paths.COMPARISON}.md",
        differences=captioned(f"{RESULTS}/{paths.DIFFERENCES}.csv", "differences"),
        tested=f"{RESULTS}/{paths.DIFFERENCES}.parquet",
    log:
        log_of(RESULTS, "compare"),
    benchmark:
        benchmark_of(RESULTS, "compare")
    conda:
        "../envs/l2h.yaml"
    threads: 1
    resources:
        mem_mb=sized(megabytes, "compare"),
        runtime=sized(minutes, "compare"),
        gpu=0,
    params:
        not_run=plan.not_run,
        deterministic=plan.labelled("deterministic"),
        order=plan.order,
        code=code("compare"),
    message:
        "comparison of all cells"
    script:
        "../workflow/scripts/compare.py"


rule report:
    input:
        comparison=f"{RESULTS}/{paths.COMPARISON}.parquet",
        differences=f"{RESULTS}/{paths.DIFFERENCES}.parquet",
        audits=[plan.in_run(paths.AUDIT.format(**setting)) for setting in plan.audited()],
        costs=[plan.in_run(paths.COSTS.format(**setting)) for setting in plan.costed()],
        galleries=[plan.in_run(paths.GALLERY.format(**setting)) for setting in plan.galleries()],
        metrics=[plan.in_run(path) for path in plan.of_settings(paths.METRICS)],
        queries=[plan.in_run(path) for path in plan.of_settings(paths.QUERIES)],
        splits=[plan.split({"dataset": dataset, "protocol": protocol}) for dataset, protocol in plan.protocols],
        manifests=[plan.manifest({"dataset": dataset}) for dataset, _ in plan.protocols],
    output:
        report=captioned(f"{RESULTS}/{paths.REPORT}", "page"),
        plots=captioned(directory(f"{RESULTS}/{paths.PLOTS}"), "charts", "Charts", patterns=["{name}.png"]),
        table=captioned(f"{RESULTS}/{paths.TABLE}", "table"),
        run_info=f"{RESULTS}/{paths.RUN_INFO}",
    log:
        log_of(RESULTS, "report"),
    benchmark:
        benchmark_of(RESULTS, "report")
    conda:
        "../envs/l2h.yaml"
    threads: 1
    resources:
        mem_mb=sized(megabytes, "report"),
        runtime=sized(minutes, "report"),
        gpu=0,
    params:
        run=plan.run,
        config_file=CONFIG_FILE,
        command=shlex.join(COMMAND),
        protocols=["/".join(place) for place in plan.protocols],
        order=plan.order,
        # not an input: it is rewritten whenever a run starts
        plan=f"{RESULTS}/{paths.PLAN}",
        described={"settings": declared({**config, "dataset_mirror": None}), **plan.description()},
        code=code("report"),
        templates=data("l2h.report"),
    message:
        "report"
    script:
        "../workflow/scripts/report.py"


onstart:
    write_plan(plan, workflow.dag)
    for line in mirrored(plan, workflow.dag):
        print(line)
    snakemake_logger_plugin_l2h.JOBS.update(count_jobs(workflow.dag))
    # With its default limit of 100 jobs a second, Snakemake rescans all waiting jobs ever more often, in the end dozens
    # of times a second. It also rescans when a job ends, which is enough.
    workflow.scheduler.job_rate_limiter = None


onsuccess:
    report = Path(f"{RESULTS}/{paths.REPORT}")
    if report.exists() and report.stat().st_mtime >= STARTED:
        from l2h.report.summary import of_run

        print(of_run(RESULTS))


onerror:
    said = failures(log)
    if said:
        print("\nFailed jobs:", *said, sep="\n  ")
        print(
            "The table and the report need all cells. Fix the cause and run the same command again: finished jobs are "
            "not rerun."
        )
        print("Or remove the failing dataset or method from the config.")
