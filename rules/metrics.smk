rule metrics:
    message:
        "{wildcards.dataset}: metrics of {wildcards.variant}, {wildcards.bits} bits, seed {wildcards.seed}"
    input:
        database=f"{CELL}/histogram.parquet",
        unseen=f"{CELL}/histogram_unseen.parquet",
    output:
        f"{CELL}/metrics.parquet",
    log:
        f"{CELL_LOG}/metrics.log",
    benchmark:
        f"{CELL_BENCHMARK}/metrics.tsv"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
        gpu=0,
    params:
        code=code(
            *JOB, "l2h.ranking", "l2h.ranking.counting", "l2h.ranking.histogram", "l2h.metrics", "l2h.evaluation"
        ),
    conda:
        "../envs/l2h.yaml"
    script:
        "../workflow/scripts/metrics.py"
