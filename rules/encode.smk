"""Codes of a bundle's models; what is trained here makes its own, in the rule fit."""


rule encode:
    input:
        unpack(shared(model=model_of, features=features_of)),
    output:
        f"{CELL}/codes.parquet",
    log:
        f"{CELL_LOG}/encode.log",
    benchmark:
        f"{CELL_BENCHMARK}/encode.tsv"
    wildcard_constraints:
        dataset=one_of(UNPACKED),
        backbone=one_of(BACKBONES),
        variant=one_of(hashers(ON_FEATURES)),
    conda:
        "../envs/l2h.yaml"
    threads: 1
    resources:
        mem_mb=sized(megabytes, "encode"),
        runtime=sized(minutes, "encode"),
        gpu=0,
    params:
        key=cell_key,
        code=lambda wildcards: code("encode", method_of(wildcards)),
    message:
        CELL_MESSAGE % "encode by"
    script:
        "../workflow/scripts/encode.py"
