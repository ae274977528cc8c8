rule compare:
    input:
        cells("metrics.parquet"),
    output:
        csv=f"{RESULTS}/comparison.csv",
        parquet=f"{RESULTS}/comparison.parquet",
        markdown=f"{RESULTS}/comparison.md",
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
        code=code(
            *JOB,
            "l2h.ranking",
            "l2h.ranking.counting",
            "l2h.ranking.histogram",
            "l2h.metrics",
            "l2h.evaluation",
            "l2h.report",
            "l2h.report.comparison",
        ),
    message:
        "comparison of all cells"
    script:
        "../workflow/scripts/compare.py"


rule report:
    input:
        f"{RESULTS}/comparison.parquet",
    output:
        f"{RESULTS}/report.html",
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
        code=code(*JOB, "l2h.report", "l2h.report.page"),
        template=digest(Path(find_spec("l2h.report").origin).with_name("page.html.jinja")),
    message:
        "report"
    script:
        "../workflow/scripts/report.py"


onsuccess:
    if Path(f"{RESULTS}/comparison.parquet").exists():
        print(ending(f"{RESULTS}/comparison.parquet", f"{RESULTS}/report.html"))
