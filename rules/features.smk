"""Weights of networks, and features of images."""


rule weights:
    output:
        weights=paths.WEIGHTS,
        checksum=paths.checksum(paths.WEIGHTS),
    log:
        "resources/weights/logs/{weights}.log",
    benchmark:
        "resources/weights/benchmarks/{weights}.tsv"
    conda:
        "../envs/l2h.yaml"
    threads: 1
    resources:
        mem_mb=sized(megabytes, "weights"),
        runtime=sized(minutes, "weights"),
        gpu=0,
    params:
        entry=lambda wildcards: plan.weights_entry(wildcards.weights),
        downloads=paths.DOWNLOADS,
        code=code("weights"),
    message:
        "weights {wildcards.weights}"
    script:
        "../workflow/scripts/weights.py"


rule features:
    input:
        unpack(shared(images=f"{HOME}/{paths.IMAGES}", manifest=f"{HOME}/{paths.MANIFEST}", weights=plan.weights_file)),
    output:
        features=f"{HOME}/{paths.FEATURES}",
        checksum=paths.checksum(f"{HOME}/{paths.FEATURES}"),
    log:
        f"{HOME}/logs/features-{{features}}.log",
    benchmark:
        f"{HOME}/benchmarks/features-{{features}}.tsv"
    conda:
        "../envs/l2h.yaml"
    threads: config["threads"]["features"]
    resources:
        mem_mb=sized(megabytes, "features"),
        runtime=sized(minutes, "features"),
        gpu=0 if config["device"] == "cpu" else 1,
    params:
        entry=lambda wildcards: plan.extraction(plan.features[wildcards.features]),
        device=config["device"],
        numeric_threads=config["threads"]["features"],
        code=code("features"),
    message:
        "{wildcards.dataset}: features {wildcards.features}"
    script:
        "../workflow/scripts/features.py"


use rule features as mirrored_features with:
    input:
        unpack(
            shared(
                images=f"{HOME}/{paths.IMAGES}",
                manifest=f"{HOME}/{paths.MANIFEST}",
                split=f"{HOME}/{paths.SPLIT}",
                weights=plan.weights_file,
            )
        ),
    output:
        features=f"{HOME}/{paths.MIRRORED}",
        checksum=paths.checksum(f"{HOME}/{paths.MIRRORED}"),
    log:
        f"{HOME}/logs/features-{{features}}-mirrored-{{protocol}}.log",
    benchmark:
        f"{HOME}/benchmarks/features-{{features}}-mirrored-{{protocol}}.tsv"
    message:
        "{wildcards.dataset}: features {wildcards.features} of {wildcards.protocol}'s training images, mirrored"
