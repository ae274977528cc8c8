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
        code=code(
            *CELLS,
            *RANKING,
            "l2h.ids",
            "l2h.splits",
            "l2h.ranking.on_numba",
            "l2h.ranking.on_numpy",
            "l2h.ranking.roles",
        ),
        gpu_code=(
            code()
            if config["ranking"]["device"] == "cpu"
            else code("l2h.device", "l2h.ranking.on_cuda", "l2h.ranking.on_torch", "l2h.ranking.on_triton")
        ),
    message:
        CELL_MESSAGE % "rank by"
    script:
        "../workflow/scripts/rank.py"
