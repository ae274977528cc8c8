rule dataset:
    output:
        images=directory("resources/{dataset}/images"),
        manifest=MANIFEST,
        checksum=f"{MANIFEST}.sha256",
        thumbnails=THUMBNAILS,
    log:
        "resources/{dataset}/logs/dataset.log",
    benchmark:
        "resources/{dataset}/benchmarks/dataset.tsv"
    conda:
        "../envs/l2h.yaml"
    threads: DECODERS
    resources:
        mem_mb=sized(megabytes, "dataset"),
        runtime=sized(minutes, "dataset"),
        gpu=0,
    params:
        downloads=DOWNLOADS,
        reader=lambda wildcards: DATASETS[wildcards.dataset]["reader"],
        arguments=lambda wildcards: DATASETS[wildcards.dataset]["params"],
        made_of=lambda wildcards: made_of(wildcards.dataset),
        # no output: it is compared when the data set is made again
        record=FOLLOWED,
        code=lambda wildcards: code("dataset", reader_of(wildcards)),
    message:
        "{wildcards.dataset}: images and manifest"
    script:
        "../workflow/scripts/dataset.py"
