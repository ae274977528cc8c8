"""Model and codes are made at once: they always go together, and a job's start costs more than most codes do."""


rule fit:
    input:
        unpack(shared(split=split_of, features=features_of, mirrored=mirrored_of)),
        checked=checked,
    output:
        model=directory(f"{CELL}/model"),
        codes=f"{CELL}/codes.parquet",
        training=f"{CELL}/training.parquet",
    log:
        f"{CELL_LOG}/fit.log",
    benchmark:
        f"{CELL_BENCHMARK}/fit.tsv"
    wildcard_constraints:
        dataset=one_of(name for name in DATASETS if name not in UNPACKED),
        backbone=one_of(BACKBONES),
        variant=one_of(hashers(ON_FEATURES)),
    conda:
        "../envs/l2h.yaml"
    threads: config["threads"]["fit"]
    resources:
        mem_mb=sized(megabytes, "fit"),
        runtime=sized(minutes, "fit"),
        gpu=gpus,
    params:
        key=cell_key,
        arguments=lambda wildcards: VARIANTS[wildcards.variant]["arguments"],
        numeric_threads=config["threads"]["fit"],
        code=lambda wildcards: code("fit", method_of(wildcards)),
    message:
        CELL_MESSAGE % "fit"
    script:
        "../workflow/scripts/fit.py"
