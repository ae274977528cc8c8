rule rank:
    input:
        split=split_of,
        codes=f"{CELL}/codes.parquet",
    output:
        database=f"{CELL}/histogram.parquet",
        unseen=f"{CELL}/histogram_unseen.parquet",
    log:
        f"{CELL_LOG}/rank.log",
    benchmark:
        f"{CELL_BENCHMARK}/rank.tsv"
    conda:
        "../envs/l2h.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=60,
        gpu=0,
    params:
        code=code(*JOB, *RANKING, "l2h.ids", "l2h.splits", "l2h.ranking.roles"),
    message:
        CELL_MESSAGE % "rank by"
    script:
        "../workflow/scripts/rank.py"
