rule weights:
    output:
        weights="resources/weights/{weights}.safetensors",
        checksum="resources/weights/{weights}.safetensors.sha256",
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
        entry=weights_entry,
        downloads=DOWNLOADS,
        code=lambda wildcards: code("weights", network_class(WEIGHTS[wildcards.weights])),
    message:
        "weights {wildcards.weights}"
    script:
        "../workflow/scripts/weights.py"


rule features:
    input:
        unpack(shared(images=IMAGE_STORE, manifest=MANIFEST, weights=weights_of)),
    output:
        features="resources/{dataset}/features/{features}.parquet",
        checksum="resources/{dataset}/features/{features}.parquet.sha256",
    log:
        "resources/{dataset}/logs/features-{features}.log",
    benchmark:
        "resources/{dataset}/benchmarks/features-{features}.tsv"
    conda:
        "../envs/l2h.yaml"
    threads: config["threads"]["features"]
    resources:
        mem_mb=sized(megabytes, "features"),
        runtime=sized(minutes, "features"),
        gpu=0 if config["device"] == "cpu" else 1,
    params:
        entry=lambda wildcards: extraction(FEATURES[wildcards.features]),
        device=config["device"],
        numeric_threads=config["threads"]["features"],
        code=lambda wildcards: code("features", network_class(FEATURES[wildcards.features])),
    message:
        "{wildcards.dataset}: features {wildcards.features}"
    script:
        "../workflow/scripts/features.py"


use rule features as mirrored_features with:
    input:
        unpack(shared(images=IMAGE_STORE, manifest=MANIFEST, split=SPLIT, weights=weights_of)),
    output:
        features="resources/{dataset}/features/{features}-mirrored-{protocol}.parquet",
        checksum="resources/{dataset}/features/{features}-mirrored-{protocol}.parquet.sha256",
    log:
        "resources/{dataset}/logs/features-{features}-mirrored-{protocol}.log",
    benchmark:
        "resources/{dataset}/benchmarks/features-{features}-mirrored-{protocol}.tsv"
    message:
        "{wildcards.dataset}: features {wildcards.features} of {wildcards.protocol}'s training images, mirrored"
