if SHARDS > 1:

    include: "shards.smk"


rule rank:
    input:
        split=split_of,
        codes=f"{CELL}/codes.parquet",
    output:
        database=of_shard(f"{CELL}/{SHARD}histogram.parquet"),
        unseen=of_shard(f"{CELL}/{SHARD}histogram_unseen.parquet"),
    log:
        f"{CELL_LOG}/{SHARD}rank.log",
    benchmark:
        f"{CELL_BENCHMARK}/{SHARD}rank.tsv"
    conda:
        "../envs/l2h.yaml"
    threads: config["threads"]["rank"]
    resources:
        mem_mb=sized(megabytes, "rank"),
        runtime=sized(minutes, "rank"),
        gpu=0 if config["ranking"]["device"] == "cpu" else 1,
    params:
        how=shard_of,
        numeric_threads=config["threads"]["rank"],
        code=code(
            *JOB,
            *RANKING,
            "l2h.ids",
            "l2h.splits",
            "l2h.ranking.on_numba",
            "l2h.ranking.on_numpy",
            "l2h.ranking.roles",
        ),
        gpu_code=code() if config["ranking"]["device"] == "cpu" else code("l2h.device", "l2h.ranking.on_torch"),
    message:
        CELL_MESSAGE % "rank by"
    script:
        "../workflow/scripts/rank.py"
