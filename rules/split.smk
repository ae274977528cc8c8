rule split:
    input:
        unpack(shared(manifest=MANIFEST)),
    output:
        split=SPLIT,
        checksum=f"{SPLIT}.sha256",
    log:
        "resources/{dataset}/logs/split-{protocol}.log",
    benchmark:
        "resources/{dataset}/benchmarks/split-{protocol}.tsv"
    conda:
        "../envs/l2h.yaml"
    threads: 1
    resources:
        mem_mb=sized(megabytes, "split"),
        runtime=sized(minutes, "split"),
        gpu=0,
    params:
        dealing=lambda wildcards: PROTOCOLS[wildcards.dataset, wildcards.protocol]["dealing"],
        seed=lambda wildcards: PROTOCOLS[wildcards.dataset, wildcards.protocol]["split_seed"],
        code=code("split"),
    message:
        "{wildcards.dataset}: split {wildcards.protocol}"
    script:
        "../workflow/scripts/split.py"


rule check_split:
    input:
        unpack(shared(split=SPLIT, manifest=MANIFEST, thumbnails=THUMBNAILS)),
    output:
        "resources/{dataset}/splits/{protocol}.near_copies.parquet",
    log:
        "resources/{dataset}/logs/check_split-{protocol}.log",
    benchmark:
        "resources/{dataset}/benchmarks/check_split-{protocol}.tsv"
    conda:
        "../envs/l2h.yaml"
    threads: 1
    resources:
        mem_mb=sized(megabytes, "check_split"),
        runtime=sized(minutes, "check_split"),
        gpu=0,
    params:
        allow_lone_queries=lambda wildcards: PROTOCOLS[wildcards.dataset, wildcards.protocol]["allow_lone_queries"],
        code=code("check_split"),
    message:
        "{wildcards.dataset}: check {wildcards.protocol} for leaks"
    script:
        "../workflow/scripts/check_split.py"
