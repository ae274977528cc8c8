# What makes the run again: its configs, and what was said on the command line beside them. Snakemake hands numbers in
# lists over as text.
COMMAND = ["snakemake", "--cores", "8", "--configfile", *map(os.path.relpath, workflow.configfiles)]
if workflow.config_settings.config:
    said = [f"{key}={value}" for key, value in workflow.config_settings.config.items()]
    COMMAND += ["--config", *(re.sub(r"'(\d+)'", r"\1", part) for part in said)]


# what `snakemake --report` says of the run and its results
report: "../workflow/report/workflow.rst"


rule compare:
    input:
        metrics=cells("metrics.parquet"),
        queries=cells("queries.parquet"),
    output:
        csv=captioned(f"{RESULTS}/comparison.csv", "comparison"),
        parquet=f"{RESULTS}/comparison.parquet",
        markdown=f"{RESULTS}/comparison.md",
        differences=captioned(f"{RESULTS}/differences.csv", "differences"),
        tested=f"{RESULTS}/differences.parquet",
    log:
        f"{RESULTS}/logs/compare.log",
    benchmark:
        f"{RESULTS}/benchmarks/compare.tsv"
    conda:
        "../envs/l2h.yaml"
    threads: 1
    resources:
        mem_mb=sized(megabytes, "compare"),
        runtime=sized(minutes, "compare"),
        gpu=0,
    params:
        not_run=NOT_RUN,
        deterministic=DETERMINISTIC,
        order=[list(PROTOCOLS), list(BACKBONES), list(VARIANTS), config["bits"], config["seeds"]],
        code=code("compare"),
    message:
        "comparison of all cells"
    script:
        "../workflow/scripts/compare.py"


rule report:
    input:
        comparison=f"{RESULTS}/comparison.parquet",
        differences=f"{RESULTS}/differences.parquet",
        audits=of_settings("audit.parquet", ON_FEATURES),
        costs=[] if UNPACKED else of_settings("costs.parquet"),
        looks=looks(),
        metrics=cells("metrics.parquet"),
        queries=cells("queries.parquet"),
        splits=[split_of(SimpleNamespace(dataset=dataset, protocol=protocol)) for dataset, protocol in PROTOCOLS],
        manifests=[manifest_of(SimpleNamespace(dataset=dataset)) for dataset, _ in PROTOCOLS],
    output:
        report=captioned(f"{RESULTS}/report.html", "page"),
        plots=captioned(directory(f"{RESULTS}/plots"), "charts", "Charts", patterns=["{name}.png"]),
        table=captioned(f"{RESULTS}/table.md", "table"),
        run_info=f"{RESULTS}/run.json",
    log:
        f"{RESULTS}/logs/report.log",
    benchmark:
        f"{RESULTS}/benchmarks/report.tsv"
    conda:
        "../envs/l2h.yaml"
    threads: 1
    resources:
        mem_mb=sized(megabytes, "report"),
        runtime=sized(minutes, "report"),
        gpu=0,
    params:
        run=RUN,
        config_file=CONFIG_FILE,
        command=shlex.join(COMMAND),
        protocols=["/".join(place) for place in PROTOCOLS],
        # no input: it is written anew whenever a run starts
        plan=PLAN,
        described=run_description(),
        code=code("report"),
        templates=data("l2h.report"),
    message:
        "report"
    script:
        "../workflow/scripts/report.py"


onstart:
    write_plan(workflow.dag)
    say_what_is_mirrored(workflow.dag)
    # Snakemake's limit of 100 jobs a second has it look at all jobs that wait once a second, for each time that it
    # looked before: dozens of times a second in the end. A job that ends has it look, too, which is enough.
    workflow.scheduler.job_rate_limiter = None


onsuccess:
    report = Path(f"{RESULTS}/report.html")
    if report.exists() and report.stat().st_mtime >= STARTED:
        print(summarise(f"{RESULTS}/comparison.parquet", report))


onerror:
    said = failures(log)
    if said:
        print("\nWhat failed:", *said, sep="\n  ")
        print(
            "The table and the report take all cells. Mend it and say the same command again: what is done stays done."
        )
        print("Or go on without: take the data set or the method that fails out of the config.")
