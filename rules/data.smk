"""Datasets, prepared here or taken from bundles; splits and their checks."""

EMBEDDED = f"{HOME}/{paths.FEATURES}".replace("{features}", paths.EMBEDDINGS)


rule dataset:
    output:
        images=directory(f"{HOME}/{paths.IMAGES}"),
        manifest=f"{HOME}/{paths.MANIFEST}",
        checksum=paths.checksum(f"{HOME}/{paths.MANIFEST}"),
        thumbnails=f"{HOME}/{paths.THUMBNAILS}",
    log:
        f"{HOME}/logs/dataset.log",
    benchmark:
        f"{HOME}/benchmarks/dataset.tsv"
    wildcard_constraints:
        dataset=one_of(name for name in plan.datasets if name not in plan.embedded),
    conda:
        "../envs/l2h.yaml"
    threads: DECODERS
    resources:
        mem_mb=sized(megabytes, "dataset"),
        runtime=sized(minutes, "dataset"),
        gpu=0,
    params:
        downloads=paths.DOWNLOADS,
        reader=lambda wildcards: plan.datasets[wildcards.dataset]["reader"],
        arguments=lambda wildcards: plan.datasets[wildcards.dataset]["params"],
        made_of=lambda wildcards: plan.made_of(wildcards.dataset),
        # not an output: its old content is compared when the dataset is prepared again
        record=f"{HOME}/{paths.FOLLOWED}",
        code=code("dataset"),
    message:
        "{wildcards.dataset}: images and manifest"
    script:
        "../workflow/scripts/dataset.py"


rule embeddings:
    output:
        manifest=f"{HOME}/{paths.MANIFEST}",
        checksum=paths.checksum(f"{HOME}/{paths.MANIFEST}"),
        features=EMBEDDED,
        features_checksum=paths.checksum(EMBEDDED),
    log:
        f"{HOME}/logs/embeddings.log",
    benchmark:
        f"{HOME}/benchmarks/embeddings.tsv"
    wildcard_constraints:
        dataset=one_of(plan.embedded),
    conda:
        "../envs/l2h.yaml"
    threads: 1
    resources:
        mem_mb=sized(megabytes, "embeddings"),
        runtime=sized(minutes, "embeddings"),
        gpu=0,
    params:
        downloads=paths.DOWNLOADS,
        reader=lambda wildcards: plan.datasets[wildcards.dataset]["reader"],
        arguments=lambda wildcards: plan.datasets[wildcards.dataset]["params"],
        made_of=lambda wildcards: plan.made_of(wildcards.dataset),
        # not an output: its old content is compared when the dataset is prepared again
        record=f"{HOME}/{paths.FOLLOWED}",
        code=code("embeddings"),
    message:
        "{wildcards.dataset}: embeddings and manifest"
    script:
        "../workflow/scripts/embeddings.py"


rule split:
    input:
        unpack(shared(manifest=f"{HOME}/{paths.MANIFEST}", features=plan.given_features)),
    output:
        split=f"{HOME}/{paths.SPLIT}",
        checksum=paths.checksum(f"{HOME}/{paths.SPLIT}"),
    log:
        f"{HOME}/logs/split-{{protocol}}.log",
    benchmark:
        f"{HOME}/benchmarks/split-{{protocol}}.tsv"
    conda:
        "../envs/l2h.yaml"
    threads: 1
    resources:
        mem_mb=sized(megabytes, "split"),
        runtime=sized(minutes, "split"),
        gpu=0,
    params:
        dealing=lambda wildcards: plan.protocols[wildcards.dataset, wildcards.protocol]["dealing"],
        seed=lambda wildcards: plan.protocols[wildcards.dataset, wildcards.protocol]["split_seed"],
        relevance=lambda wildcards: plan.datasets[wildcards.dataset]["relevance"],
        neighbours=lambda wildcards: plan.datasets[wildcards.dataset]["neighbours"],
        code=code("split"),
    message:
        "{wildcards.dataset}: split {wildcards.protocol}"
    script:
        "../workflow/scripts/split.py"


rule check_split:
    input:
        unpack(
            shared(
                split=f"{HOME}/{paths.SPLIT}",
                manifest=f"{HOME}/{paths.MANIFEST}",
                thumbnails=plan.thumbnails,
            )
        ),
    output:
        f"{HOME}/{paths.NEAR_COPIES}",
    log:
        f"{HOME}/logs/check_split-{{protocol}}.log",
    benchmark:
        f"{HOME}/benchmarks/check_split-{{protocol}}.tsv"
    conda:
        "../envs/l2h.yaml"
    threads: 1
    resources:
        mem_mb=sized(megabytes, "check_split"),
        runtime=sized(minutes, "check_split"),
        gpu=0,
    params:
        allow_lone_queries=lambda wildcards: plan.protocols[wildcards.dataset, wildcards.protocol]["allow_lone_queries"],
        code=code("check_split"),
    message:
        "{wildcards.dataset}: check {wildcards.protocol} for leaks"
    script:
        "../workflow/scripts/check_split.py"


# one rule a bundle, because each holds different files
for path, manifest in plan.bundles.items():

    rule:
        name:
            f"unpack_{manifest.id}"
        input:
            path if Path(path).is_file() else f"{path}/manifest.json",
        output:
            tables=expand(f"{plan.home(manifest.dataset)}/{{table}}", table=manifest.tables),
            models=directory([f"{plan.home(manifest.dataset)}/{model.folder}" for model in manifest.models]),
        log:
            f"resources/bundles/logs/{manifest.id}.log",
        benchmark:
            f"resources/bundles/benchmarks/{manifest.id}.tsv"
        conda:
            "../envs/l2h.yaml"
        threads: 1
        resources:
            mem_mb=sized(megabytes, "unpack"),
            runtime=sized(minutes, "unpack"),
            gpu=0,
        params:
            bundle=path,
            folder=plan.home(manifest.dataset),
            code=code("unpack"),
        message:
            f"{manifest.dataset}: verify and unpack {path}"
        script:
            "../workflow/scripts/unpack.py"
