rule compare:
    input:
        metrics=cells("metrics.parquet"),
        queries=cells("queries.parquet"),
    output:
        csv=f"{RESULTS}/comparison.csv",
        parquet=f"{RESULTS}/comparison.parquet",
        markdown=f"{RESULTS}/comparison.md",
        differences=f"{RESULTS}/differences.csv",
    log:
        f"{RESULTS}/logs/compare.log",
    benchmark:
        f"{RESULTS}/benchmarks/compare.tsv"
    conda:
        "../envs/l2h.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
        gpu=0,
    params:
        order=[list(PROTOCOLS), list(BACKBONES), list(VARIANTS), config["bits"], config["seeds"]],
        code=code(*JOB, "l2h.bootstrap", "l2h.report", "l2h.report.comparison", "l2h.report.differences"),
    message:
        "comparison of all cells"
    script:
        "../workflow/scripts/compare.py"


rule report:
    input:
        comparison=f"{RESULTS}/comparison.parquet",
        differences=f"{RESULTS}/differences.csv",
        audits=places("audit.parquet"),
        costs=places("costs.parquet"),
        metrics=cells("metrics.parquet"),
    output:
        report=f"{RESULTS}/report.html",
        plots=directory(f"{RESULTS}/plots"),
        table=f"{RESULTS}/table.md",
    log:
        f"{RESULTS}/logs/report.log",
    benchmark:
        f"{RESULTS}/benchmarks/report.tsv"
    conda:
        "../envs/l2h.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
        gpu=0,
    params:
        run=RUN,
        config_file=CONFIG_FILE,
        supervised=[label for label, entry in VARIANTS.items() if entry["supervised"]],
        code=code(
            *JOB,
            *RANKING,
            "l2h.metrics",
            "l2h.diagnostics",
            "l2h.evaluation",
            "l2h.bootstrap",
            "l2h.report",
            "l2h.report.answer",
            "l2h.report.charts",
            "l2h.report.costs",
            "l2h.report.differences",
            "l2h.report.page",
            "l2h.report.published",
            "l2h.report.table",
        ),
        files=[
            digest(path)
            for path in sorted(Path(find_spec("l2h.report").origin).parent.iterdir())
            if path.suffix in (".jinja", ".csv")
        ],
    message:
        "report"
    script:
        "../workflow/scripts/report.py"


onsuccess:
    report = Path(f"{RESULTS}/report.html")
    if report.exists() and report.stat().st_mtime >= STARTED:
        print(ending(f"{RESULTS}/comparison.parquet", report))
