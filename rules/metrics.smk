rule metrics:
    input:
        unpack(ranking_of),
        unpack(choice_of),
        unpack(shared(split=split_of)),
    output:
        metrics=f"{CELL}/metrics.parquet",
        queries=f"{CELL}/queries.parquet",
    log:
        f"{CELL_LOG}/metrics.log",
    benchmark:
        f"{CELL_BENCHMARK}/metrics.tsv"
    conda:
        "../envs/l2h.yaml"
    threads: 1
    resources:
        mem_mb=sized(megabytes, "metrics"),
        runtime=sized(minutes, "metrics"),
        gpu=0,
    params:
        code=code("metrics"),
    message:
        CELL_MESSAGE % "measure"
    script:
        "../workflow/scripts/metrics.py"
