rule add_shards:
    input:
        database=expand(f"{CELL}/{SHARD}histogram.parquet", shard=range(SHARDS), allow_missing=True),
        unseen=expand(f"{CELL}/{SHARD}histogram_unseen.parquet", shard=range(SHARDS), allow_missing=True),
    output:
        database=f"{CELL}/histogram.parquet",
        unseen=f"{CELL}/histogram_unseen.parquet",
    log:
        f"{CELL_LOG}/add_shards.log",
    benchmark:
        f"{CELL_BENCHMARK}/add_shards.tsv"
    conda:
        "../envs/l2h.yaml"
    threads: 1
    resources:
        mem_mb=sized(megabytes, "add_shards"),
        runtime=sized(minutes, "add_shards"),
        gpu=0,
    params:
        code=code(*JOB, *RANKING),
    message:
        CELL_MESSAGE % "add the shards of"
    script:
        "../workflow/scripts/add_shards.py"
