"""Scope full: what the rule fit does, from images, and in two rules: codes that are lost must not cost the training."""


rule finetune:
    input:
        unpack(shared(images=IMAGE_STORE, manifest=MANIFEST, split=split_of, weights=weights_of)),
        checked=checked,
    output:
        model=directory(f"{CELL}/model"),
        training=f"{CELL}/training.parquet",
    log:
        f"{CELL_LOG}/finetune.log",
    benchmark:
        f"{CELL_BENCHMARK}/finetune.tsv"
    wildcard_constraints:
        backbone=one_of(BACKBONES),
        variant=one_of(FINETUNED),
    conda:
        "../envs/l2h.yaml"
    threads: config["threads"]["features"]
    resources:
        mem_mb=sized(megabytes, "finetune"),
        runtime=sized(minutes, "finetune"),
        gpu=gpus,
    params:
        key=cell_key,
        arguments=lambda wildcards: VARIANTS[wildcards.variant]["arguments"],
        entry=lambda wildcards: network_entry(BACKBONES[wildcards.backbone]),
        flip=flip_of,
        # no output: those are deleted when a job starts, and this is what a cut-off training goes on from
        checkpoint=f"{CELL}/checkpoint.safetensors",
        numeric_threads=config["threads"]["features"],
        code=lambda wildcards: code("finetune", method_of(wildcards), network_class(BACKBONES[wildcards.backbone])),
    message:
        CELL_MESSAGE % "finetune"
    script:
        "../workflow/scripts/finetune.py"


rule encode_images:
    input:
        unpack(shared(images=IMAGE_STORE, manifest=MANIFEST, listed=manifest_of, model=model_of)),
    output:
        f"{CELL}/codes.parquet",
    log:
        f"{CELL_LOG}/encode_images.log",
    benchmark:
        f"{CELL_BENCHMARK}/encode_images.tsv"
    wildcard_constraints:
        backbone=one_of(BACKBONES),
        variant=one_of(FINETUNED),
    conda:
        "../envs/l2h.yaml"
    threads: config["threads"]["features"]
    resources:
        mem_mb=sized(megabytes, "encode_images"),
        runtime=sized(minutes, "encode_images"),
        gpu=gpus,
    params:
        key=cell_key,
        device=config["device"],
        numeric_threads=config["threads"]["features"],
        code=lambda wildcards: code("encode_images", network_class(BACKBONES[wildcards.backbone])),
    message:
        CELL_MESSAGE % "encode images by"
    script:
        "../workflow/scripts/encode_images.py"
