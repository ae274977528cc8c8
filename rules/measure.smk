"""What is measured beside the ranking: each variant and code length, at the first seed, of one data set and backbone.

Networks of scope full have costs, but no audit, which would take the real-valued outputs of all images.
"""


rule audit:
    input:
        unpack(shared(split=split_of, features=features_of)),
        models=lambda wildcards: cells_of(ON_FEATURES, model_of(wildcards))(wildcards),
    output:
        f"{SETTING}/audit.parquet",
    log:
        f"{SETTING_LOG}/audit.log",
    benchmark:
        f"{SETTING_BENCHMARK}/audit.tsv"
    conda:
        "../envs/l2h.yaml"
    threads: 1
    resources:
        mem_mb=sized(megabytes, "audit"),
        runtime=sized(minutes, "audit"),
        gpu=0,
    params:
        cell_keys=keys_of(ON_FEATURES),
        code=code("audit", *methods_of(ON_FEATURES)),
    message:
        "{wildcards.dataset} ({wildcards.protocol}, {wildcards.backbone}): what common mistakes would have printed"
    script:
        "../workflow/scripts/audit.py"


# all cores, so that nothing runs beside it; on one thread, so that CPU time below wall time shows a disturbance
rule costs:
    input:
        unpack(
            shared(
                images=IMAGE_STORE,
                manifest=MANIFEST,
                weights=weights_of,
                split=split_of,
                features=features_of if ON_FEATURES else [],
            )
        ),
        models=cells_of(VARIANTS, f"{CELL}/model"),
        codes=cells_of(VARIANTS, f"{CELL}/codes.parquet"),
        trainings=cells_of(VARIANTS, f"{CELL}/training.parquet"),
    output:
        f"{SETTING}/costs.parquet",
    log:
        f"{SETTING_LOG}/costs.log",
    benchmark:
        f"{SETTING_BENCHMARK}/costs.tsv"
    conda:
        "../envs/l2h.yaml"
    threads: lambda wildcards: workflow.cores or 1
    resources:
        mem_mb=sized(megabytes, "costs"),
        runtime=sized(minutes, "costs"),
        gpu=0 if config["device"] == "cpu" else 1,
    params:
        cell_keys=keys_of(VARIANTS),
        entry=lambda wildcards: extraction(BACKBONES[wildcards.backbone]),
        device=config["device"],
        numeric_threads=1,
        code=lambda wildcards: code("costs", network_class(BACKBONES[wildcards.backbone]), *methods_of(ON_FEATURES)),
    message:
        "{wildcards.dataset} ({wildcards.protocol}, {wildcards.backbone}): costs, alone on the machine"
    script:
        "../workflow/scripts/costs.py"
