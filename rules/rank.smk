rule rank:
    input:
        unpack(shared(split=split_of)),
        codes=f"{CELL}/codes.parquet",
    output:
        database=f"{CELL}/histogram.parquet",
        unseen=f"{CELL}/histogram_unseen.parquet",
    log:
        f"{CELL_LOG}/rank.log",
    benchmark:
        f"{CELL_BENCHMARK}/rank.tsv"
    wildcard_constraints:
        dataset=in_shards(False),
    conda:
        "../envs/l2h.yaml"
    threads: config["threads"]["rank"]
    resources:
        mem_mb=sized(megabytes, "rank"),
        runtime=sized(minutes, "rank"),
        gpu=0 if config["ranking"]["device"] == "cpu" else 1,
    params:
        how=part_of,
        numeric_threads=config["threads"]["rank"],
        code=code("rank"),
    message:
        CELL_MESSAGE % "rank by"
    script:
        "../workflow/scripts/rank.py"
