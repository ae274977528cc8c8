"""Models and codes of each cell: trained here, taken from a bundle, or external codes.

Training writes both model and codes in one job, because starting a job takes longer than computing most codes. Scope
full has a rule for each, so that lost codes do not require another training.
"""


rule train:
    input:
        unpack(shared(split=plan.split, features=plan.features_file, mirrored=plan.mirrored_features)),
        checked=checked,
    output:
        model=directory(MODEL),
        codes=CODES,
        training=TRAINING,
    log:
        log_of(CELL, "train"),
    benchmark:
        benchmark_of(CELL, "train")
    wildcard_constraints:
        dataset=one_of(name for name in plan.datasets if name not in plan.unpacked),
        backbone=one_of([*plan.backbones, paths.EMBEDDINGS]),
        variant=one_of(plan.kind(Hasher, full=False)),
    conda:
        "../envs/l2h.yaml"
    threads: config["threads"]["fit"]
    resources:
        mem_mb=sized(megabytes, "train"),
        runtime=sized(minutes, "train"),
        gpu=gpus,
    params:
        key=cell_key,
        arguments=arguments,
        numeric_threads=config["threads"]["fit"],
        code=code("train"),
    message:
        OF_CELL % "train"
    script:
        "../workflow/scripts/train.py"


use rule train as train_scorer with:
    output:
        model=directory(MODEL),
        training=TRAINING,
    wildcard_constraints:
        dataset=one_of(name for name in plan.datasets if name not in plan.unpacked),
        backbone=one_of([*plan.backbones, paths.EMBEDDINGS]),
        variant=one_of(plan.kind(Scorer)),


rule encode:
    input:
        unpack(shared(model=lambda wildcards: plan.model(cell(wildcards)), features=plan.features_file)),
    output:
        CODES,
    log:
        log_of(CELL, "encode"),
    benchmark:
        benchmark_of(CELL, "encode")
    wildcard_constraints:
        dataset=one_of(plan.unpacked),
        backbone=one_of(plan.backbones),
        variant=one_of(plan.kind(Hasher, full=False)),
    conda:
        "../envs/l2h.yaml"
    threads: 1
    resources:
        mem_mb=sized(megabytes, "encode"),
        runtime=sized(minutes, "encode"),
        gpu=0,
    params:
        key=cell_key,
        code=code("encode"),
    message:
        OF_CELL % "encode with"
    script:
        "../workflow/scripts/encode.py"


rule finetune:
    input:
        unpack(
            shared(
                images=f"{HOME}/{paths.IMAGES}",
                manifest=f"{HOME}/{paths.MANIFEST}",
                split=plan.split,
                weights=plan.weights_file,
            )
        ),
        checked=checked,
    output:
        model=directory(MODEL),
        training=TRAINING,
    log:
        log_of(CELL, "finetune"),
    benchmark:
        benchmark_of(CELL, "finetune")
    wildcard_constraints:
        backbone=one_of(plan.backbones),
        variant=one_of(plan.kind(full=True)),
    conda:
        "../envs/l2h.yaml"
    threads: config["threads"]["features"]
    resources:
        mem_mb=sized(megabytes, "finetune"),
        runtime=sized(minutes, "finetune"),
        gpu=gpus,
    params:
        key=cell_key,
        arguments=arguments,
        entry=lambda wildcards: plan.network(wildcards.backbone),
        flip=lambda wildcards: plan.flip(wildcards.dataset, wildcards.variant),
        # not an output: outputs are deleted when a job starts, but an interrupted training resumes from this file
        checkpoint=f"{RESULTS}/{paths.CHECKPOINT}",
        numeric_threads=config["threads"]["features"],
        code=code("finetune"),
    message:
        OF_CELL % "finetune"
    script:
        "../workflow/scripts/finetune.py"


rule encode_images:
    input:
        unpack(
            shared(
                images=f"{HOME}/{paths.IMAGES}",
                manifest=f"{HOME}/{paths.MANIFEST}",
                listed=plan.manifest,
                model=lambda wildcards: plan.model(cell(wildcards)),
            )
        ),
    output:
        CODES,
    log:
        log_of(CELL, "encode_images"),
    benchmark:
        benchmark_of(CELL, "encode_images")
    wildcard_constraints:
        backbone=one_of(plan.backbones),
        variant=one_of(plan.kind(full=True)),
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
        code=code("encode_images"),
    message:
        OF_CELL % "encode images with"
    script:
        "../workflow/scripts/encode_images.py"


rule external_codes:
    input:
        unpack(shared(manifest=plan.manifest)),
        codes=plan.external_codes,
        checked=checked,
    output:
        CODES,
    log:
        log_of(CELL, "external_codes"),
    benchmark:
        benchmark_of(CELL, "external_codes")
    wildcard_constraints:
        backbone=EXTERNAL,
    conda:
        "../envs/l2h.yaml"
    threads: 1
    resources:
        mem_mb=sized(megabytes, "external_codes"),
        runtime=sized(minutes, "external_codes"),
        gpu=0,
    params:
        key=cell_key,
        arguments=arguments,
        code=code("external_codes"),
    message:
        OF_CELL % "read codes of"
    script:
        "../workflow/scripts/external_codes.py"
