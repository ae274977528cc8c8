rule look:
    input:
        unpack(shared(images=IMAGE_STORE, manifest=MANIFEST, split=split_of)),
        near_copies="resources/{dataset}/splits/{protocol}.near_copies.parquet",
        queries=lambda wildcards: [f"{CELL}/queries.parquet".format(**key) for key in looked_at(**wildcards)],
        metrics=lambda wildcards: [f"{CELL}/metrics.parquet".format(**key) for key in looked_at(**wildcards)],
        codes=lambda wildcards: [f"{CELL}/codes.parquet".format(**key) for key in looked_at(**wildcards)],
    output:
        f"{SETTING}/look.json",
    log:
        f"{SETTING_LOG}/look.log",
    benchmark:
        f"{SETTING_BENCHMARK}/look.tsv"
    conda:
        "../envs/l2h.yaml"
    threads: DECODERS
    resources:
        mem_mb=sized(megabytes, "look"),
        runtime=sized(minutes, "look"),
        gpu=0,
    params:
        by_hand=lambda wildcards: PROTOCOLS[wildcards.dataset, wildcards.protocol]["look"],
        code=code("look"),
    message:
        "{wildcards.dataset} ({wildcards.protocol}, {wildcards.backbone}): pictures of queries, results and codes"
    script:
        "../workflow/scripts/look.py"
