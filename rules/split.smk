rule split:
    input:
        "resources/{dataset}/manifest.parquet",
    output:
        "resources/{dataset}/splits/{protocol}.parquet",
    log:
        "resources/{dataset}/logs/split-{protocol}.log",
    benchmark:
        "resources/{dataset}/benchmarks/split-{protocol}.tsv"
    conda:
        "../envs/l2h.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
        gpu=0,
    params:
        protocol=lambda wildcards: PROTOCOLS[wildcards.dataset, wildcards.protocol]["protocol"],
        seed=lambda wildcards: PROTOCOLS[wildcards.dataset, wildcards.protocol]["split_seed"],
        code=code(*JOB, "l2h.download", "l2h.ids", "l2h.registry", "l2h.datasets", "l2h.splits"),
        dataset_code=dataset_code,
    message:
        "{wildcards.dataset}: split {wildcards.protocol}, checked for leaks"
    script:
        "../workflow/scripts/split.py"
