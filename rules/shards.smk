# A database that is cut into shards is ranked by a job each; their histograms are added up, then deleted.
SHARD = "shard{shard}of{shards}"


use rule rank as rank_shard with:
    output:
        database=temp(f"{CELL}/{SHARD}/histogram.parquet"),
        unseen=temp(f"{CELL}/{SHARD}/histogram_unseen.parquet"),
    log:
        f"{CELL_LOG}/{SHARD}/rank.log",
    benchmark:
        f"{CELL_BENCHMARK}/{SHARD}/rank.tsv"
    wildcard_constraints:
        dataset=in_shards(True),
    message:
        CELL_MESSAGE % "rank shard {wildcards.shard} by"


rule add_shards:
    input:
        database=shards_of(f"{CELL}/{SHARD}/histogram.parquet"),
        unseen=shards_of(f"{CELL}/{SHARD}/histogram_unseen.parquet"),
    output:
        database=f"{CELL}/histogram.parquet",
        unseen=f"{CELL}/histogram_unseen.parquet",
    log:
        f"{CELL_LOG}/add_shards.log",
    benchmark:
        f"{CELL_BENCHMARK}/add_shards.tsv"
    wildcard_constraints:
        dataset=in_shards(True),
    conda:
        "../envs/l2h.yaml"
    threads: 1
    resources:
        mem_mb=sized(megabytes, "add_shards"),
        runtime=sized(minutes, "add_shards"),
        gpu=0,
    params:
        code=code("add_shards"),
    message:
        CELL_MESSAGE % "add the shards of"
    script:
        "../workflow/scripts/add_shards.py"
